import type { Cluster } from "./cluster.ts";
import { CLUSTER_PROTOCOLS, H2_UPGRADE_POLICIES } from "./cluster.ts";
import type { ClusterSlots } from "./cluster-slots.ts";
import { contentHash } from "./content-hash.ts";
import type { Endpoint } from "./endpoint.ts";
import { HEALTH_CODE } from "./endpoint.ts";
import {
  HEADER_WORDS,
  HeaderWord,
  RECORD_WORDS,
  RecordWord,
  SNAPSHOT_FORMAT_VERSION,
  SNAPSHOT_MAGIC,
  ZONE_WORDS,
} from "./snapshot-layout.ts";

const utf8 = new TextEncoder();

/**
 * One version of a cluster as flat memory, written once and then only read: by every worker through
 * {@link ClusterSnapshot}, without a copy and without decoding on the data plane, and octet for octet on disk.
 *
 * @param slots what the registry gave for exactly this cluster object.
 * @returns about 48 octets plus key and address per endpoint; a multiple of 4 octets.
 */
export function encodeClusterSnapshot(cluster: Cluster, slots: ClusterSlots): SharedArrayBuffer {
  const { endpoints } = cluster;
  const zones = new Map<string, Endpoint>();
  for (const endpoint of endpoints)
    if (!zones.has(localityOf(endpoint))) zones.set(localityOf(endpoint), endpoint);
  const zoneIds = new Map([...zones.keys()].map((locality, id) => [locality, id]));
  const zonesStart = HEADER_WORDS + endpoints.length * RECORD_WORDS;
  const strings = new StringArea((zonesStart + zones.size * ZONE_WORDS) * 4);

  const head = new Int32Array(strings.start / 4);
  head[HeaderWord.magic] = SNAPSHOT_MAGIC;
  head[HeaderWord.formatVersion] = SNAPSHOT_FORMAT_VERSION;
  head[HeaderWord.clusterSlot] = slots.clusterSlot;
  head[HeaderWord.endpointCount] = endpoints.length;
  head[HeaderWord.zoneCount] = zones.size;
  head[HeaderWord.connectTimeoutMs] = cluster.connectTimeoutMs;
  head[HeaderWord.maxConnectionsPerEndpoint] = cluster.maxConnectionsPerEndpoint;
  head[HeaderWord.maxPendingStreams] = cluster.maxPendingStreams;
  head[HeaderWord.protocol] = CLUSTER_PROTOCOLS.indexOf(cluster.protocol);
  head[HeaderWord.h2UpgradePolicy] = H2_UPGRADE_POLICIES.indexOf(cluster.h2UpgradePolicy);
  head[HeaderWord.keepaliveTimeMs] = cluster.keepaliveTimeMs;
  head[HeaderWord.keepaliveTimeoutMs] = cluster.keepaliveTimeoutMs;
  head[HeaderWord.tlsIdentity] = cluster.tlsIdentity;
  strings.append(cluster.name, head, HeaderWord.nameOffset);
  strings.append(JSON.stringify(cluster.settings), head, HeaderWord.settingsOffset);

  for (let i = 0; i < endpoints.length; i++) {
    const endpoint = endpoints[i]!;
    const record = HEADER_WORDS + i * RECORD_WORDS;
    head[record + RecordWord.slot] = slots.endpointSlots[i]!;
    head[record + RecordWord.generation] = slots.endpointGenerations[i]!;
    head[record + RecordWord.port] = endpoint.port;
    head[record + RecordWord.weight] = endpoint.weight;
    head[record + RecordWord.zone] = zoneIds.get(localityOf(endpoint))!;
    head[record + RecordWord.priority] = endpoint.priority;
    head[record + RecordWord.flags] = HEALTH_CODE[endpoint.health];
    strings.append(endpoint.address, head, record + RecordWord.addressOffset);
    strings.append(endpoint.key, head, record + RecordWord.keyOffset);
    strings.append(endpoint.node, head, record + RecordWord.nodeOffset);
    strings.append(labelsText(endpoint), head, record + RecordWord.labelsOffset);
  }
  let zoneRecord = zonesStart;
  for (const { zone, region } of zones.values()) {
    strings.append(zone, head, zoneRecord);
    strings.append(region, head, zoneRecord + 2);
    zoneRecord += ZONE_WORDS;
  }

  const totalOctets = Math.ceil(strings.end / 4) * 4;
  head[HeaderWord.totalOctets] = totalOctets;
  const words = new Int32Array(new SharedArrayBuffer(totalOctets));
  words.set(head);
  strings.copyTo(new Uint8Array(words.buffer));
  const hash = contentHash(words);
  words[HeaderWord.hashLow] = hash.low;
  words[HeaderWord.hashHigh] = hash.high;
  return words.buffer;
}

/** A zone and its region: the same name in two regions is two zones. */
function localityOf({ zone, region }: Endpoint): string {
  return `${region}/${zone}`;
}

/** Labels in one order, so that equal ones make equal octets. */
function labelsText({ labels }: Endpoint): string {
  const entries = Object.entries(labels);
  if (entries.length === 0) return "";
  return JSON.stringify(Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** The strings at the end of a snapshot, collected while their places are written into the words before them. */
class StringArea {
  readonly start: number;
  end: number;
  readonly #pieces: Uint8Array[] = [];

  constructor(startOctet: number) {
    this.start = startOctet;
    this.end = startOctet;
  }

  append(text: string, words: Int32Array, wordIndex: number): void {
    const piece = utf8.encode(text);
    words[wordIndex] = this.end;
    words[wordIndex + 1] = piece.length;
    this.#pieces.push(piece);
    this.end += piece.length;
  }

  copyTo(octets: Uint8Array): void {
    let offset = this.start;
    for (const piece of this.#pieces) {
      octets.set(piece, offset);
      offset += piece.length;
    }
  }
}
