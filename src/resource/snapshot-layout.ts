/**
 * Where the numbers of an encoded cluster snapshot lie. All but weights are 32-bit little-endian words; offsets of strings are in
 * octets from the start of the buffer.
 *
 *     header (32 words) │ columns, a number for each endpoint │ zone records (8 words each) │ hashes of keys, if any │ strings, UTF-8
 *
 * Columns, and not a record for each endpoint: what picks are made from (slots, weights) is used where it lies, whole, and a loop over
 * thousands of endpoints reads no more than it needs.
 */
export const SNAPSHOT_MAGIC = 0x31_62_73_69;

/** Goes up with every change of the layout, and of the settings' defaults; a buffer of another version is refused, never guessed at. */
export const SNAPSHOT_FORMAT_VERSION = 5;

/** Words of the header. The first {@link HEADER_UNHASHED_WORDS} are not part of the content. */
export const HeaderWord = {
  magic: 0,
  formatVersion: 1,
  hashLow: 2,
  hashHigh: 3,
  clusterSlot: 4,
  /** Size of the whole in octets: the first word that counts as content. */
  totalOctets: 5,
  endpointCount: 6,
  zoneCount: 7,
  tlsIdentity: 8,
  connectTimeoutMs: 9,
  maxConnectionsPerEndpoint: 10,
  maxPendingStreams: 11,
  nameOffset: 12,
  nameLength: 13,
  protocol: 14,
  h2UpgradePolicy: 15,
  keepaliveTimeMs: 16,
  keepaliveTimeoutMs: 17,
  /** What the cluster's settings have other than the defaults, as JSON. */
  settingsOffset: 18,
  settingsLength: 19,
  /** What all endpoints have in common: bits of {@link Uniform}. */
  uniform: 20,
  /** The highest priority number of any endpoint. */
  maxPriority: 21,
  /** Word at which the hashes of the keys begin, two for each endpoint; 0: there are none, because the policy does not hash. */
  keyHashesWord: 22,
} as const;

/** Leading header words that the content hash skips: they differ between processes that believe the same. */
export const HEADER_UNHASHED_WORDS = HeaderWord.totalOctets;

/** Words of the header, the last ones unused: an even number, so that weights lie on multiples of 8 octets. */
export const HEADER_WORDS = 32;

/** Bits of {@link HeaderWord.uniform}: what need not be looked at endpoint by endpoint. */
export const Uniform = {
  /** All are healthy, says discovery. */
  healthy: 1,
  weight: 2,
  /** Endpoints of a zone follow each other, zone by zone, and none is preferred to others: as control planes list them. */
  zonesInTurn: 4,
  /** Keys begin with keyPrefix of the cluster's name, which is left out of them: of twenty endpoints it would be half of all octets. */
  prefixedKeys: 8,
} as const;

/** Words that the weights take for each endpoint: they come first, as doubles, as pickers use them. */
export const WEIGHT_WORDS = 2;

/**
 * Columns of 32-bit words after the weights, in this order. Slots and generations are not part of the content; the others are, from
 * {@link HASHED_COLUMNS} on.
 */
export const Column = {
  slot: 0,
  generation: 1,
  /** Index of the zone record. */
  zone: 2,
  /** HEALTH_CODE. */
  health: 3,
  priority: 4,
  port: 5,
  /** Of strings the column of offsets is followed by that of lengths. */
  address: 6,
  key: 8,
  node: 10,
  /** JSON of the labels; length 0 for none. */
  labels: 12,
} as const;

/** The first of {@link Column} that is part of the content. */
export const HASHED_COLUMNS = Column.zone;

/** How many columns of words there are. */
export const COLUMNS = 14;

/** Words of an endpoint in all its columns. */
export const ENDPOINT_WORDS = WEIGHT_WORDS + COLUMNS;

/** Words of a zone record. */
export const ZONE_WORDS = 8;

/** Words within a zone record, the last ones unused. Offset is followed by length. */
export const ZoneWord = { name: 0, region: 2, endpointCount: 4 } as const;

/** @returns the word at which a column begins, in a snapshot of so many endpoints. */
export function columnStart(column: number, endpointCount: number): number {
  return HEADER_WORDS + (WEIGHT_WORDS + column) * endpointCount;
}

/** @returns the word at which the zone records begin. */
export function zonesStart(endpointCount: number): number {
  return columnStart(COLUMNS, endpointCount);
}
