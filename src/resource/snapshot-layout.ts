/**
 * Where the numbers of an encoded cluster snapshot lie. All are 32-bit little-endian words; offsets of strings are in
 * octets from the start of the buffer.
 *
 *     header (24 words) │ endpoint records (16 words each) │ zone records (4 words each) │ strings, UTF-8
 */
export const SNAPSHOT_MAGIC = 0x31_62_73_69;

/** Goes up with every change of the layout; a buffer of another version is refused, never guessed at. */
export const SNAPSHOT_FORMAT_VERSION = 3;

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
  connectTimeoutMs: 9,
  maxConnectionsPerEndpoint: 10,
  maxPendingStreams: 11,
  nameOffset: 12,
  nameLength: 13,
  protocol: 14,
  h2UpgradePolicy: 15,
  keepaliveTimeMs: 16,
  keepaliveTimeoutMs: 17,
  tlsIdentity: 8,
  /** The cluster's settings, as JSON. */
  settingsOffset: 18,
  settingsLength: 19,
} as const;

/** Leading header words that the content hash skips: they differ between processes that believe the same. */
export const HEADER_UNHASHED_WORDS = HeaderWord.totalOctets;

/** Words of the header, the last four unused. */
export const HEADER_WORDS = 24;

/** Words of an endpoint record. The first {@link RECORD_UNHASHED_WORDS} are not part of the content. */
export const RecordWord = {
  slot: 0,
  generation: 1,
  port: 2,
  weight: 3,
  zone: 4,
  /** Bits 0 and 1: health. The others are for what comes with xDS. */
  flags: 5,
  priority: 6,
  addressOffset: 7,
  addressLength: 8,
  keyOffset: 9,
  keyLength: 10,
  nodeOffset: 11,
  nodeLength: 12,
  /** JSON of the labels; length 0 for none. */
  labelsOffset: 13,
  labelsLength: 14,
} as const;

/** Leading record words that the content hash skips. */
export const RECORD_UNHASHED_WORDS = RecordWord.port;

/** Words of an endpoint record, the last one unused. */
export const RECORD_WORDS = 16;

/** Words of a zone record: offset and length of its name, and of its region's. */
export const ZONE_WORDS = 4;

/** Bits of {@link RecordWord.flags} that hold the health. */
export const HEALTH_MASK = 3;
