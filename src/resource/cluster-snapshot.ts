import type { ClusterProtocol, H2UpgradePolicy } from "./cluster.ts";
import { CLUSTER_PROTOCOLS, H2_UPGRADE_POLICIES } from "./cluster.ts";
import type { ClusterSettings } from "./cluster-settings.ts";
import { contentHash } from "./content-hash.ts";
import { keyPrefix } from "./endpoint.ts";
import { sharedSettings } from "./shared-settings.ts";
import {
  Column,
  columnStart,
  ENDPOINT_WORDS,
  HEADER_WORDS,
  HeaderWord,
  SNAPSHOT_FORMAT_VERSION,
  SNAPSHOT_MAGIC,
  Uniform,
  ZONE_WORDS,
  ZoneWord,
  zonesStart,
} from "./snapshot-layout.ts";

// A leading U+FEFF is part of a string like any other character.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const toUtf8 = new TextEncoder();

/**
 * A read-only view of one encoded version of a cluster. Opening it reads the header only; numbers are read where they
 * lie, and a string is decoded when it is asked for (the caller keeps it if it needs it again).
 *
 * Indexes run from 0 to {@link count} - 1, in the order of discovery.
 */
export class ClusterSnapshot {
  /** The memory it reads; may be handed on to other threads. */
  readonly buffer: ArrayBufferLike;
  /** The cluster's `:authority`. */
  readonly name: string;
  readonly clusterSlot: number;
  /** 16 hexadecimal digits; equal in every process that believes the same about this cluster. */
  readonly contentHash: string;
  readonly connectTimeoutMs: number;
  readonly maxConnectionsPerEndpoint: number;
  readonly maxPendingStreams: number;
  readonly protocol: ClusterProtocol;
  readonly h2UpgradePolicy: H2UpgradePolicy;
  /** 0 for no keepalive. */
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
  /** 0 for clear text. */
  readonly tlsIdentity: number;
  /** Number of endpoints, of whatever health. */
  readonly count: number;
  /** Endpoint slots and weights by index, where they lie: never to be written to. */
  readonly slots: Int32Array;
  readonly weights: Float64Array;
  /** Two hashes of each endpoint's key by turns, where they lie too; undefined where the policy has no use for them. See keyHashes. */
  readonly keyHashes: Uint32Array | undefined;
  readonly zoneCount: number;
  /** The highest priority number of any endpoint. */
  readonly maxPriority: number;
  /** Whether discovery calls all endpoints healthy. */
  readonly isAllHealthy: boolean;
  readonly hasEqualWeights: boolean;
  /** Whether indexes go zone by zone, in the order of zone ids, and all priorities are 0. */
  readonly hasZonesInTurn: boolean;

  /** What all keys begin with, and is not among their octets. */
  readonly #keyPrefix: string;
  #settings: ClusterSettings | undefined;
  readonly #words: Int32Array;
  readonly #octets: Uint8Array;
  readonly #zones: readonly string[];
  readonly #regions: readonly string[];

  /** @throws Error when the buffer is not a snapshot of this format version, or is cut short. */
  constructor(buffer: ArrayBufferLike) {
    const problem = headerProblem(buffer);
    if (problem !== undefined) throw new Error(`cluster snapshot: ${problem}`);
    const words = new Int32Array(buffer);
    this.buffer = buffer;
    this.#words = words;
    this.#octets = new Uint8Array(buffer);
    this.name = this.#textOf(HeaderWord.nameOffset, HeaderWord.nameLength);
    this.clusterSlot = words[HeaderWord.clusterSlot]!;
    this.contentHash = hex(words[HeaderWord.hashHigh]!) + hex(words[HeaderWord.hashLow]!);
    this.connectTimeoutMs = words[HeaderWord.connectTimeoutMs]!;
    this.maxConnectionsPerEndpoint = words[HeaderWord.maxConnectionsPerEndpoint]!;
    this.maxPendingStreams = words[HeaderWord.maxPendingStreams]!;
    this.protocol = CLUSTER_PROTOCOLS[words[HeaderWord.protocol]!] as ClusterProtocol;
    this.h2UpgradePolicy = H2_UPGRADE_POLICIES[words[HeaderWord.h2UpgradePolicy]!] as H2UpgradePolicy;
    this.keepaliveTimeMs = words[HeaderWord.keepaliveTimeMs]!;
    this.keepaliveTimeoutMs = words[HeaderWord.keepaliveTimeoutMs]!;
    this.tlsIdentity = words[HeaderWord.tlsIdentity]!;
    this.count = words[HeaderWord.endpointCount]!;
    this.zoneCount = words[HeaderWord.zoneCount]!;
    this.maxPriority = words[HeaderWord.maxPriority]!;
    this.isAllHealthy = (words[HeaderWord.uniform]! & Uniform.healthy) !== 0;
    this.hasZonesInTurn = (words[HeaderWord.uniform]! & Uniform.zonesInTurn) !== 0;
    this.hasEqualWeights = (words[HeaderWord.uniform]! & Uniform.weight) !== 0;
    const arePrefixed = (words[HeaderWord.uniform]! & Uniform.prefixedKeys) !== 0;
    this.#keyPrefix = arePrefixed ? keyPrefix(this.name) : "";
    this.slots = this.#column(Column.slot);
    this.weights = new Float64Array(buffer, HEADER_WORDS * 4, this.count);
    const hashesWord = words[HeaderWord.keyHashesWord]!;
    this.keyHashes = hashesWord === 0 ? undefined : new Uint32Array(buffer, hashesWord * 4, this.count * 2);
    const first = zonesStart(this.count);
    const zoneIds = Array.from({ length: this.zoneCount }, (_, id) => first + id * ZONE_WORDS);
    this.#zones = zoneIds.map((record) => this.#textOf(record + ZoneWord.name, record + ZoneWord.name + 1));
    this.#regions = zoneIds.map((record) =>
      this.#textOf(record + ZoneWord.region, record + ZoneWord.region + 1),
    );
  }

  /** What the cluster does beyond naming its endpoints; parsed when it is first asked for. One object for equal settings. */
  get settings(): ClusterSettings {
    this.#settings ??= sharedSettings(this.#textOf(HeaderWord.settingsOffset, HeaderWord.settingsLength));
    return this.#settings;
  }

  /** Zone by endpoint, as a number below {@link zoneCount}; made anew at each call, as the columns below are. */
  zoneIds(): Int32Array {
    return this.#column(Column.zone);
  }

  /** Values of HEALTH_CODE. */
  healths(): Int32Array {
    return this.#column(Column.health);
  }

  priorities(): Int32Array {
    return this.#column(Column.priority);
  }

  generations(): Int32Array {
    return this.#column(Column.generation);
  }

  zoneName(zoneId: number): string {
    return this.#zones[zoneId]!;
  }

  zoneRegion(zoneId: number): string {
    return this.#regions[zoneId]!;
  }

  /** Endpoints of the zone, of whatever health. */
  zoneSize(zoneId: number): number {
    return this.#words[zonesStart(this.count) + zoneId * ZONE_WORDS + ZoneWord.endpointCount]!;
  }

  slotAt(index: number): number {
    return this.#word(index, Column.slot);
  }

  generationAt(index: number): number {
    return this.#word(index, Column.generation);
  }

  portAt(index: number): number {
    return this.#word(index, Column.port);
  }

  weightAt(index: number): number {
    return this.weights[index]!;
  }

  /** 0 healthy, 1 unhealthy, 2 draining: the values of HEALTH_CODE. */
  healthAt(index: number): number {
    return this.#word(index, Column.health);
  }

  /** 0 is preferred. */
  priorityAt(index: number): number {
    return this.#word(index, Column.priority);
  }

  zoneAt(index: number): string {
    return this.#zones[this.#word(index, Column.zone)]!;
  }

  regionAt(index: number): string {
    return this.#regions[this.#word(index, Column.zone)]!;
  }

  nodeAt(index: number): string {
    return this.#text(index, Column.node);
  }

  /** @returns by endpoint 1 where it is on that node, else 0: cheaper than a text for each. */
  onNode(node: string): Uint8Array {
    const on = new Uint8Array(this.count);
    const offsets = this.#column(Column.node);
    const lengths = this.#column(Column.node + 1);
    const wanted = toUtf8.encode(node);
    // Equal names lie there once.
    let found = -1;
    let other = -1;
    for (let i = 0; i < on.length; i++) {
      if (lengths[i] !== wanted.length) continue;
      const offset = offsets[i]!;
      if (found < 0 && offset !== other && this.#hasAt(offset, wanted)) found = offset;
      if (offset === found) on[i] = 1;
      else other = offset;
    }
    return on;
  }

  labelsAt(index: number): Readonly<Record<string, string>> {
    const text = this.#text(index, Column.labels);
    return text === "" ? {} : (JSON.parse(text) as Record<string, string>);
  }

  addressAt(index: number): string {
    return this.#text(index, Column.address);
  }

  keyAt(index: number): string {
    return this.#keyPrefix + this.#text(index, Column.key);
  }

  /** @returns whether the content is what its hash says. For octets that come from disk: it reads all of them. */
  isIntact(): boolean {
    const { low, high } = contentHash(this.#words);
    return low === this.#words[HeaderWord.hashLow]! >>> 0 && high === this.#words[HeaderWord.hashHigh]! >>> 0;
  }

  #column(column: number): Int32Array {
    return new Int32Array(this.buffer, columnStart(column, this.count) * 4, this.count);
  }

  #word(index: number, column: number): number {
    return this.#words[columnStart(column, this.count) + index]!;
  }

  #text(index: number, column: number): string {
    const offsetWord = columnStart(column, this.count) + index;
    return this.#textOf(offsetWord, offsetWord + this.count);
  }

  #textOf(offsetWord: number, lengthWord: number): string {
    const offset = this.#words[offsetWord]!;
    // Sliced, not a subarray: a decoder may refuse shared memory.
    return utf8.decode(this.#octets.slice(offset, offset + this.#words[lengthWord]!));
  }

  #hasAt(offset: number, wanted: Uint8Array): boolean {
    for (let i = 0; i < wanted.length; i++) if (this.#octets[offset + i] !== wanted[i]) return false;
    return true;
  }
}

function headerProblem(buffer: ArrayBufferLike): string | undefined {
  if (buffer.byteLength < HEADER_WORDS * 4 || buffer.byteLength % 8 !== 0) {
    return `found ${buffer.byteLength} octets, wanted at least ${HEADER_WORDS * 4} and a multiple of 8`;
  }
  const words = new Int32Array(buffer, 0, HEADER_WORDS);
  if (words[HeaderWord.magic] !== SNAPSHOT_MAGIC) return "these octets are something else";
  const version = words[HeaderWord.formatVersion];
  if (version !== SNAPSHOT_FORMAT_VERSION) {
    return `found format version ${version}, wanted ${SNAPSHOT_FORMAT_VERSION}`;
  }
  const total = words[HeaderWord.totalOctets]!;
  if (total !== buffer.byteLength) return `found ${buffer.byteLength} octets, wanted ${total}`;
  const endpointCount = words[HeaderWord.endpointCount]!;
  const zoneCount = words[HeaderWord.zoneCount]!;
  const headWords = HEADER_WORDS + endpointCount * ENDPOINT_WORDS + zoneCount * ZONE_WORDS;
  if (endpointCount < 0 || zoneCount < 0 || headWords * 4 > total) {
    return `endpoint and zone counts do not fit: ${endpointCount}, ${zoneCount}`;
  }
  const hashesWord = words[HeaderWord.keyHashesWord]!;
  if (hashesWord !== 0 && (hashesWord < headWords || (hashesWord + endpointCount * 2) * 4 > total)) {
    return `hashes of keys do not fit: at word ${hashesWord}`;
  }
  return undefined;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
