import type { ChangeCause } from "../resource/service.ts";
import type { ChangedRecord, RemovedRecord, ServiceRecord } from "./audit-record.ts";
import type { JsonObject } from "./json-diff.ts";
import { applyDiff } from "./json-diff.ts";
import type { ServicePart, ServiceState } from "./service-state.ts";
import { readService } from "./service-state.ts";

/** A service from one change to the next. */
export interface ServiceVersion {
  /** Number of the record that made it so. */
  readonly n: number;
  readonly atMs: number;
  readonly cause: ChangeCause | undefined;
  /** What of it changed then; of the first one in a file, numbers of the records that last changed each part. */
  readonly parts: readonly ServicePart[] | Readonly<Record<ServicePart, number>>;
  readonly endpointCount: number;
  /** undefined: it is gone, or it was not asked for. */
  readonly state: ServiceState | undefined;
  readonly isGone: boolean;
}

/** The versions of one service in a file, in their order. */
export class ServiceHistory {
  readonly versions: ServiceVersion[] = [];
  readonly #isWanted: boolean;
  #live: ServiceState | undefined;

  /** @param isWanted whether its states are kept. */
  constructor(isWanted: boolean) {
    this.#isWanted = isWanted;
  }

  /** As it was at the head of the file. */
  begin(record: ServiceRecord, usual: JsonObject): void {
    this.#live = readService(record.state, usual);
    this.#push(record.version, Date.parse(record.since), record.cause, record.parts);
  }

  /** @throws RangeError when the record does not fit what was before. */
  change(n: number, atMs: number, record: ChangedRecord, usual: JsonObject): void {
    const { state, diff, cause, parts } = record;
    if (state !== undefined) this.#live = readService(state, usual);
    else if (this.#live === undefined)
      throw new RangeError(`record ${n} changes ${record.name}, which is not there`);
    else if (diff !== undefined) applyDiff(this.#live, diff);
    this.#push(n, atMs, cause, parts);
  }

  remove(n: number, atMs: number, { cause }: RemovedRecord): void {
    this.#live = undefined;
    this.#push(n, atMs, cause, ["listener", "routes", "cluster", "endpoints"]);
  }

  get newest(): ServiceVersion | undefined {
    return this.versions.at(-1);
  }

  /** @returns the service as it was after a record; undefined if that, as far as the part is concerned, was before this file. */
  after(n: number, part: ServicePart): ServiceVersion | undefined {
    const version = this.versions.findLast((each) => each.n <= n);
    if (version !== undefined) return version;
    const [first] = this.versions;
    if (first === undefined || Array.isArray(first.parts)) return undefined;
    return n >= (first.parts as Readonly<Record<ServicePart, number>>)[part] ? first : undefined;
  }

  /** @returns the versions after a record that changed the part. */
  changesAfter(n: number, part: ServicePart): ServiceVersion[] {
    return this.versions.filter(({ n: number, parts }) => {
      if (Array.isArray(parts)) return number > n && parts.includes(part);
      return (parts as Readonly<Record<ServicePart, number>>)[part] > n;
    });
  }

  #push(n: number, atMs: number, cause: ChangeCause | undefined, parts: ServiceVersion["parts"]): void {
    const live = this.#live;
    this.versions.push({
      n,
      atMs,
      cause,
      parts,
      endpointCount: Object.keys(live?.endpoints ?? {}).length,
      state: this.#isWanted && live !== undefined ? structuredClone(live) : undefined,
      isGone: live === undefined,
    });
  }
}
