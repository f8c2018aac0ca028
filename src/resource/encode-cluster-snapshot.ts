import type { Cluster } from "./cluster.ts";
import { CLUSTER_PROTOCOLS, H2_UPGRADE_POLICIES } from "./cluster.ts";
import type { ClusterSlots } from "./cluster-slots.ts";
import { contentHash } from "./content-hash.ts";
import type { Endpoint } from "./endpoint.ts";
import { HEALTH_CODE, keyPrefix } from "./endpoint.ts";
import { keyHashes, wantsKeyHashes } from "./key-hashes.ts";
import { settingsChanges } from "./settings-changes.ts";
import {
  Column,
  columnStart,
  HEADER_WORDS,
  HeaderWord,
  SNAPSHOT_FORMAT_VERSION,
  SNAPSHOT_MAGIC,
  Uniform,
  ZONE_WORDS,
  ZoneWord,
  zonesStart,
} from "./snapshot-layout.ts";
import { StringArea } from "./string-area.ts";

/**
 * One version of a cluster as flat memory, written once and then only read: by every worker through
 * {@link ClusterSnapshot}, without a copy and without decoding on the data plane, and octet for octet on disk.
 *
 * @param slots what the registry gave for exactly this cluster object.
 * @returns 64 octets plus key and address per endpoint; a multiple of 8 octets.
 */
export function encodeClusterSnapshot(cluster: Cluster, slots: ClusterSlots): SharedArrayBuffer {
  const { endpoints } = cluster;
  const count = endpoints.length;
  const zones = new Map<string, { readonly id: number; readonly first: Endpoint; count: number }>();
  for (const endpoint of endpoints) {
    const zone = zones.get(localityOf(endpoint));
    if (zone === undefined) zones.set(localityOf(endpoint), { id: zones.size, first: endpoint, count: 1 });
    else zone.count++;
  }
  const afterZones = zonesStart(count) + zones.size * ZONE_WORDS;
  const hashes = wantsKeyHashes(cluster.settings.loadBalancing.policy) ? keyHashes(endpoints) : undefined;
  const strings = new StringArea((afterZones + (hashes?.length ?? 0)) * 4);
  const head = new Int32Array(strings.start / 4);
  if (hashes !== undefined) {
    head[HeaderWord.keyHashesWord] = afterZones;
    head.set(new Int32Array(hashes.buffer), afterZones);
  }
  writeHeader(head, cluster, slots.clusterSlot, zones.size);
  strings.append(cluster.name, head, HeaderWord.nameOffset, HeaderWord.nameLength);
  strings.append(
    settingsChanges(cluster.settings),
    head,
    HeaderWord.settingsOffset,
    HeaderWord.settingsLength,
  );

  const prefix = keyPrefix(cluster.name);
  const arePrefixed = endpoints.every(({ key }) => key.startsWith(prefix));
  if (arePrefixed) head[HeaderWord.uniform]! |= Uniform.prefixedKeys;
  const weights = new Float64Array(head.buffer, HEADER_WORDS * 4, count);
  const at = (column: number): number => columnStart(column, count);
  head.set(slots.endpointSlots, at(Column.slot));
  head.set(slots.endpointGenerations, at(Column.generation));
  const [zone, health, priority, port] = [Column.zone, Column.health, Column.priority, Column.port].map(at);
  for (let i = 0; i < count; i++) {
    const endpoint = endpoints[i]!;
    weights[i] = endpoint.weight;
    const zoneId = zones.get(localityOf(endpoint))!.id;
    head[zone! + i] = zoneId;
    if (i > 0 && zoneId < head[zone! + i - 1]!) head[HeaderWord.uniform]! &= ~Uniform.zonesInTurn;
    head[health! + i] = HEALTH_CODE[endpoint.health];
    head[priority! + i] = endpoint.priority;
    head[port! + i] = endpoint.port;
    strings.append(endpoint.address, head, at(Column.address) + i, at(Column.address + 1) + i);
    const key = arePrefixed ? endpoint.key.slice(prefix.length) : endpoint.key;
    strings.append(key, head, at(Column.key) + i, at(Column.key + 1) + i);
    strings.appendShared(endpoint.node, head, at(Column.node) + i, at(Column.node + 1) + i);
    strings.appendShared(labelsText(endpoint), head, at(Column.labels) + i, at(Column.labels + 1) + i);
  }
  for (const { id, first, count: endpointCount } of zones.values()) {
    const record = zonesStart(count) + id * ZONE_WORDS;
    strings.append(first.zone, head, record + ZoneWord.name, record + ZoneWord.name + 1);
    strings.append(first.region, head, record + ZoneWord.region, record + ZoneWord.region + 1);
    head[record + ZoneWord.endpointCount] = endpointCount;
  }

  const totalOctets = Math.ceil(strings.end / 8) * 8;
  head[HeaderWord.totalOctets] = totalOctets;
  const words = new Int32Array(new SharedArrayBuffer(totalOctets));
  words.set(head);
  strings.copyTo(new Uint8Array(words.buffer));
  const hash = contentHash(words);
  words[HeaderWord.hashLow] = hash.low;
  words[HeaderWord.hashHigh] = hash.high;
  return words.buffer;
}

function writeHeader(head: Int32Array, cluster: Cluster, clusterSlot: number, zoneCount: number): void {
  const { endpoints } = cluster;
  head[HeaderWord.magic] = SNAPSHOT_MAGIC;
  head[HeaderWord.formatVersion] = SNAPSHOT_FORMAT_VERSION;
  head[HeaderWord.clusterSlot] = clusterSlot;
  head[HeaderWord.endpointCount] = endpoints.length;
  head[HeaderWord.zoneCount] = zoneCount;
  head[HeaderWord.connectTimeoutMs] = cluster.connectTimeoutMs;
  head[HeaderWord.maxConnectionsPerEndpoint] = cluster.maxConnectionsPerEndpoint;
  head[HeaderWord.maxPendingStreams] = cluster.maxPendingStreams;
  head[HeaderWord.protocol] = CLUSTER_PROTOCOLS.indexOf(cluster.protocol);
  head[HeaderWord.h2UpgradePolicy] = H2_UPGRADE_POLICIES.indexOf(cluster.h2UpgradePolicy);
  head[HeaderWord.keepaliveTimeMs] = cluster.keepaliveTimeMs;
  head[HeaderWord.keepaliveTimeoutMs] = cluster.keepaliveTimeoutMs;
  head[HeaderWord.tlsIdentity] = cluster.tlsIdentity;
  let uniform = Uniform.healthy | Uniform.weight | Uniform.zonesInTurn;
  let maxPriority = 0;
  for (const { health, weight, priority } of endpoints) {
    if (health !== "healthy") uniform &= ~Uniform.healthy;
    if (weight !== endpoints[0]!.weight) uniform &= ~Uniform.weight;
    if (priority > maxPriority) maxPriority = priority;
  }
  if (maxPriority > 0) uniform &= ~Uniform.zonesInTurn;
  head[HeaderWord.uniform] = uniform;
  head[HeaderWord.maxPriority] = maxPriority;
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
