import type { StreamRecord } from "./audit-record.ts";
import type { ServicePart } from "./service-state.ts";

/** A version of a resource that was sent to a client. */
export interface SentVersion {
  /** "" when the client was told that there is none. */
  readonly version: string;
  /** Number of the record it was made after; 0: not known. */
  readonly of: number;
  /** Milliseconds since 1970; undefined where it was sent before the file began. */
  readonly sentMs?: number | undefined;
  /** When it was answered, which may be later than what was asked about; undefined: not, as far as is known. */
  readonly answeredMs?: number | undefined;
}

/** What a client believes of a resource, and what it is being told. */
export interface Belief {
  readonly part: ServicePart;
  readonly name: string;
  accepted: (SentVersion & { readonly how: "told" | "kept" | "held" }) | undefined;
  /** Sent and not answered at that time: it may have been in force already. */
  underWay: SentVersion | undefined;
  refused: (SentVersion & { readonly message: string }) | undefined;
}

/** A stream and what its client believed at a time. */
export class StreamHistory {
  readonly record: StreamRecord;
  readonly beganParts: Set<ServicePart>;
  endedMs: number | undefined;
  readonly #beliefs = new Map<string, Belief>();

  constructor(record: StreamRecord) {
    this.record = record;
    this.beganParts = new Set(record.began);
  }

  get sinceMs(): number {
    return Date.parse(this.record.since);
  }

  get beliefs(): Iterable<Belief> {
    return this.#beliefs.values();
  }

  belief(part: ServicePart, name: string): Belief | undefined {
    return this.#beliefs.get(`${part} ${name}`);
  }

  accept(part: ServicePart, name: string, accepted: NonNullable<Belief["accepted"]>): void {
    const belief = this.#of(part, name);
    belief.accepted = accepted;
    if (belief.underWay?.sentMs === accepted.sentMs) belief.underWay = undefined;
    belief.refused = undefined;
  }

  send(part: ServicePart, name: string, underWay: SentVersion): void {
    this.#of(part, name).underWay = underWay;
  }

  refuse(part: ServicePart, name: string, refused: NonNullable<Belief["refused"]>): void {
    const belief = this.#of(part, name);
    belief.refused = refused;
    if (belief.underWay?.sentMs === refused.sentMs) belief.underWay = undefined;
  }

  drop(part: ServicePart, name: string): void {
    this.#beliefs.delete(`${part} ${name}`);
  }

  #of(part: ServicePart, name: string): Belief {
    const key = `${part} ${name}`;
    let belief = this.#beliefs.get(key);
    if (belief === undefined) {
      belief = { part, name, accepted: undefined, underWay: undefined, refused: undefined };
      this.#beliefs.set(key, belief);
    }
    return belief;
  }
}
