import type { FileRecord, NumberedRecord, PolicyRecord, RefusedRecord, ToldRecord } from "./audit-record.ts";
import { ServiceHistory } from "./service-history.ts";
import type { ServicePart } from "./service-state.ts";
import { StreamHistory } from "./stream-history.ts";

/** How far and for what a file is read. */
export interface ReplayOptions {
  /** What happened later does not count. */
  readonly untilMs: number;
  /** Services whose states are wanted; of the others only their versions are kept. */
  readonly wants: (service: string) => boolean;
}

/** A version of a TrafficPolicy. */
export interface PolicyVersion {
  readonly n: number;
  readonly atMs: number;
  readonly record: PolicyRecord;
}

/** What a file says of a time: services, policies, streams and what their clients believed. Give it the file's records in their order. */
export class AuditReplay {
  head: FileRecord | undefined;
  /** Of the head. */
  headMs = 0;
  /** Of the newest record read. */
  lastMs = 0;
  /** When its writer was asked to end. */
  endedMs: number | undefined;
  /** Whether the state at the head was written to its end. */
  isWhole = false;
  readonly services = new Map<string, ServiceHistory>();
  readonly policies = new Map<string, PolicyVersion[]>();
  readonly streams = new Map<number, StreamHistory>();
  readonly #options: ReplayOptions;
  /** What versions of resources were made after, as far as it was said. */
  readonly #origins = new Map<string, number>();

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  /** @returns the number of the record that a version of a resource was made after; 0 if it is not known. */
  originOf(part: ServicePart, name: string, version: string): number {
    return this.#origins.get(`${part} ${name} ${version}`) ?? 0;
  }

  /** @throws RangeError when the record does not fit what was before. */
  apply(record: NumberedRecord): void {
    const { untilMs } = this.#options;
    const { n } = record;
    const atMs = Date.parse(record.at);
    this.lastMs = Math.max(this.lastMs, atMs);
    switch (record.kind) {
      case "file":
        this.head = record;
        this.headMs = atMs;
        break;
      case "ended":
        if (atMs <= untilMs) this.endedMs = atMs;
        break;
      case "complete":
        this.isWhole = true;
        break;
      case "service":
        this.#history(record.name).begin(record, this.head?.usual ?? {});
        break;
      case "changed":
        if (atMs <= untilMs) this.#history(record.name).change(n, atMs, record, this.head?.usual ?? {});
        break;
      case "removed":
        if (atMs <= untilMs) this.#history(record.name).remove(n, atMs, record);
        break;
      case "policy":
        this.#policy(
          record.version ?? n,
          record.since === undefined ? atMs : Date.parse(record.since),
          record,
        );
        break;
      case "stream":
        if (Date.parse(record.since) <= untilMs) this.streams.set(record.stream, new StreamHistory(record));
        break;
      case "closed": {
        const stream = this.streams.get(record.stream);
        if (atMs <= untilMs && stream !== undefined) stream.endedMs = atMs;
        break;
      }
      case "holds": {
        const { part, name, version, of } = record;
        this.#note(part, name, version, of);
        for (const stream of record.streams)
          this.streams.get(stream)?.accept(part, name, { version, of, how: "held" });
        break;
      }
      case "told":
      case "refused":
        this.#told(record);
        break;
      default:
        this.#said(record);
    }
  }

  #history(name: string): ServiceHistory {
    let history = this.services.get(name);
    if (history === undefined) {
      history = new ServiceHistory(this.#options.wants(name));
      this.services.set(name, history);
    }
    return history;
  }

  #policy(n: number, atMs: number, record: PolicyRecord): void {
    if (atMs > this.#options.untilMs) return;
    const versions = this.policies.get(record.policy) ?? [];
    versions.push({ n, atMs, record });
    this.policies.set(record.policy, versions);
  }

  #told(record: ToldRecord | RefusedRecord): void {
    const { untilMs } = this.#options;
    const { part, name, version, of } = record;
    const fromMs = Date.parse(record.from);
    this.#note(part, name, version, of);
    for (const [id, sentAfterMs, answeredAfterMs] of record.streams) {
      const stream = this.streams.get(id);
      const sentMs = fromMs + sentAfterMs;
      if (stream === undefined || sentMs > untilMs) continue;
      const answeredMs = answeredAfterMs === undefined ? undefined : fromMs + answeredAfterMs;
      const sent = { version, of, sentMs, answeredMs };
      if (answeredMs === undefined || answeredMs > untilMs) stream.send(part, name, sent);
      else if (record.kind === "told") stream.accept(part, name, { ...sent, how: "told" });
      else stream.refuse(part, name, { ...sent, message: record.message });
    }
  }

  /** What clients have said of themselves. */
  #said(record: Extract<NumberedRecord, { readonly kind: "kept" | "dropped" | "began" }>): void {
    const { part } = record;
    const fromMs = Date.parse(record.from);
    if (record.kind === "kept") this.#note(part, record.name, record.version, record.of);
    for (const [id, afterMs] of record.streams) {
      const stream = this.streams.get(id);
      const atMs = fromMs + afterMs;
      if (stream === undefined || atMs > this.#options.untilMs) continue;
      if (record.kind === "began") stream.beganParts.add(part);
      else if (record.kind === "dropped") stream.drop(part, record.name);
      else {
        const { version, of } = record;
        stream.accept(part, record.name, { version, of, answeredMs: atMs, how: "kept" });
      }
    }
  }

  #note(part: ServicePart, name: string, version: string, of: number): void {
    if (of > 0 && version !== "") this.#origins.set(`${part} ${name} ${version}`, of);
  }
}
