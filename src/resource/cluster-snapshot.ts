import type { ClusterProtocol, H2UpgradePolicy } from "./cluster.ts";
import { CLUSTER_PROTOCOLS, H2_UPGRADE_POLICIES } from "./cluster.ts";
import type { ClusterSettings } from "./cluster-settings.ts";
import { contentHash } from "./content-hash.ts";
import {
  HEADER_WORDS,
  HEALTH_MASK,
  HeaderWord,
  RECORD_WORDS,
  RecordWord,
  SNAPSHOT_FORMAT_VERSION,
  SNAPSHOT_MAGIC,
  ZONE_WORDS,
} from "./snapshot-layout.ts";

// A leading U+FEFF is part of a string like any other character.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

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
    this.name = this.#text(HeaderWord.nameOffset);
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
    const zonesStart = HEADER_WORDS + this.count * RECORD_WORDS;
    const zoneIds = Array.from({ length: words[HeaderWord.zoneCount]! }, (_, id) => id);
    this.#zones = zoneIds.map((id) => this.#text(zonesStart + id * ZONE_WORDS));
    this.#regions = zoneIds.map((id) => this.#text(zonesStart + id * ZONE_WORDS + 2));
  }

  /** What the cluster does beyond naming its endpoints; parsed when it is first asked for. */
  get settings(): ClusterSettings {
    this.#settings ??= JSON.parse(this.#text(HeaderWord.settingsOffset)) as ClusterSettings;
    return this.#settings;
  }

  slotAt(index: number): number {
    return this.#word(index, RecordWord.slot);
  }

  generationAt(index: number): number {
    return this.#word(index, RecordWord.generation);
  }

  portAt(index: number): number {
    return this.#word(index, RecordWord.port);
  }

  weightAt(index: number): number {
    return this.#word(index, RecordWord.weight);
  }

  /** 0 healthy, 1 unhealthy, 2 draining: the values of HEALTH_CODE. */
  healthAt(index: number): number {
    return this.#word(index, RecordWord.flags) & HEALTH_MASK;
  }

  /** 0 is preferred. */
  priorityAt(index: number): number {
    return this.#word(index, RecordWord.priority);
  }

  zoneAt(index: number): string {
    return this.#zones[this.#word(index, RecordWord.zone)]!;
  }

  regionAt(index: number): string {
    return this.#regions[this.#word(index, RecordWord.zone)]!;
  }

  nodeAt(index: number): string {
    return this.#text(HEADER_WORDS + index * RECORD_WORDS + RecordWord.nodeOffset);
  }

  labelsAt(index: number): Readonly<Record<string, string>> {
    const text = this.#text(HEADER_WORDS + index * RECORD_WORDS + RecordWord.labelsOffset);
    return text === "" ? {} : (JSON.parse(text) as Record<string, string>);
  }

  addressAt(index: number): string {
    return this.#text(HEADER_WORDS + index * RECORD_WORDS + RecordWord.addressOffset);
  }

  keyAt(index: number): string {
    return this.#text(HEADER_WORDS + index * RECORD_WORDS + RecordWord.keyOffset);
  }

  /** @returns whether the content is what its hash says. For octets that come from disk: it reads all of them. */
  isIntact(): boolean {
    const { low, high } = contentHash(this.#words);
    return low === this.#words[HeaderWord.hashLow]! >>> 0 && high === this.#words[HeaderWord.hashHigh]! >>> 0;
  }

  #word(index: number, word: number): number {
    return this.#words[HEADER_WORDS + index * RECORD_WORDS + word]!;
  }

  #text(wordIndex: number): string {
    const offset = this.#words[wordIndex]!;
    // Sliced, not a subarray: a decoder may refuse shared memory.
    return utf8.decode(this.#octets.slice(offset, offset + this.#words[wordIndex + 1]!));
  }
}

function headerProblem(buffer: ArrayBufferLike): string | undefined {
  if (buffer.byteLength < HEADER_WORDS * 4 || buffer.byteLength % 4 !== 0) {
    return `found ${buffer.byteLength} octets, wanted at least ${HEADER_WORDS * 4} and a multiple of 4`;
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
  const headWords = HEADER_WORDS + endpointCount * RECORD_WORDS + zoneCount * ZONE_WORDS;
  if (endpointCount < 0 || zoneCount < 0 || headWords * 4 > total) {
    return `endpoint and zone counts do not fit: ${endpointCount}, ${zoneCount}`;
  }
  return undefined;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
