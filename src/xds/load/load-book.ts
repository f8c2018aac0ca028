import type { ClusterLoad } from "./load-stats.ts";

/** What all callers together have said of one place of a service. */
export interface PlaceLoad {
  readonly region: string;
  readonly zone: string;
  /** Callers that have named it. */
  reporters: number;
  requestsPerSecond: number;
  errorsPerSecond: number;
  inFlight: number;
}

/** What all callers together have said of one service. */
export interface ServiceLoad {
  /** Callers that have had requests lately. */
  readonly reporters: number;
  readonly requestsPerSecond: number;
  /** When the streams were counted, on average. */
  readonly countedMs: number;
  /** Streams in flight by endpoint hash, above 0. */
  readonly streams: ReadonlyMap<number, number>;
  readonly places: Iterable<Readonly<PlaceLoad>>;
}

interface Sum {
  reporters: number;
  requestsPerSecond: number;
  countedMs: number;
  readonly streams: Map<number, number>;
  readonly places: Map<string, PlaceLoad>;
}

/** What callers say of one service that another replica has added up. */
export interface LoadSum {
  readonly load: ClusterLoad;
  readonly reporters: number;
  /** How long ago its streams were counted, on average. */
  readonly ageMs: number;
}

/** What one caller said last of one service, or several of them together. */
interface Part {
  readonly load: ClusterLoad;
  readonly callers: number;
  /** Counts become rates by it. */
  readonly perSecond: number;
  readonly atMs: number;
}

interface Reporter {
  atMs: number;
  parts: ReadonlyMap<string, Part>;
}

/** A report says what its interval was; where it does not, it was about this. */
const USUAL_INTERVAL_MS = 1_000;

/**
 * Adds up what callers report of the services they use. Each caller's newest report is all that counts of it: what it does not mention it has not, and
 * when it goes so does its part. Nothing is kept of a service that nobody has requests for.
 *
 * Pure: to be told the time.
 */
export class LoadBook {
  readonly #reporters = new Map<number, Reporter>();
  readonly #sums = new Map<string, Sum>();
  readonly #isKnown: (service: string) => boolean;

  /** @param isKnown whether there is such a service: of others nothing is kept, whatever callers make up. */
  constructor(isKnown: (service: string) => boolean) {
    this.#isKnown = isKnown;
  }

  /** Callers whose reports count. */
  get reporterCount(): number {
    return this.#reporters.size;
  }

  /** Services that somebody has requests for. */
  get services(): Iterable<string> {
    return this.#sums.keys();
  }

  of(service: string): ServiceLoad | undefined {
    const sum = this.#sums.get(service);
    if (sum === undefined) return undefined;
    const { reporters, requestsPerSecond, countedMs, streams, places } = sum;
    return {
      reporters,
      requestsPerSecond: Math.max(0, requestsPerSecond),
      countedMs: countedMs / reporters,
      streams,
      places: places.values(),
    };
  }

  /** Takes a caller's report. @param reporter a number of its own. @returns services of which nothing is known, and that were left out. */
  report(reporter: number, clusters: readonly ClusterLoad[], nowMs: number): number {
    this.forget(reporter);
    const parts = new Map<string, Part>();
    let unknown = 0;
    for (const load of clusters) {
      if (!this.#isKnown(load.name)) unknown++;
      else if (isBusy(load) && !parts.has(load.name)) {
        const perSecond = 1_000 / (load.intervalMs || USUAL_INTERVAL_MS);
        const part = { load, callers: 1, perSecond, atMs: nowMs };
        parts.set(load.name, part);
        this.#add(part, 1);
      }
    }
    this.#reporters.set(reporter, { atMs: nowMs, parts });
    return unknown;
  }

  /** Takes what another replica has added up; it replaces what that one said before. @param reporter a number of its own. */
  reportSums(reporter: number, sums: readonly LoadSum[], nowMs: number): void {
    this.forget(reporter);
    const parts = new Map<string, Part>();
    for (const { load, reporters, ageMs } of sums) {
      if (reporters === 0 || parts.has(load.name) || !this.#isKnown(load.name) || !isBusy(load)) continue;
      const part = { load, callers: reporters, perSecond: 1_000 / load.intervalMs, atMs: nowMs - ageMs };
      parts.set(load.name, part);
      this.#add(part, 1);
    }
    this.#reporters.set(reporter, { atMs: nowMs, parts });
  }

  /** The caller has gone, and so has what it had in flight. */
  forget(reporter: number): void {
    for (const part of this.#reporters.get(reporter)?.parts.values() ?? []) this.#add(part, -1);
    this.#reporters.delete(reporter);
  }

  /** Forgets what was said before a time, of callers that are silent since. */
  forgetBefore(beforeMs: number): void {
    for (const [reporter, { atMs }] of this.#reporters) if (atMs < beforeMs) this.forget(reporter);
  }

  #add({ load, callers, perSecond, atMs }: Part, sign: 1 | -1): void {
    const { name, localities, endpoints } = load;
    let sum = this.#sums.get(name);
    if (sum === undefined) {
      sum = { reporters: 0, requestsPerSecond: 0, countedMs: 0, streams: new Map(), places: new Map() };
      this.#sums.set(name, sum);
    }
    sum.reporters += sign * callers;
    // What callers have left is nothing, and not what rounding left of it.
    if (sum.reporters === 0) {
      this.#sums.delete(name);
      return;
    }
    sum.countedMs += sign * callers * atMs;
    for (const { region, zone, issued, errors, inFlight } of localities) {
      sum.requestsPerSecond += sign * issued * perSecond;
      const key = `${region}|${zone}`;
      let place = sum.places.get(key);
      if (place === undefined) {
        place = { region, zone, reporters: 0, requestsPerSecond: 0, errorsPerSecond: 0, inFlight: 0 };
        sum.places.set(key, place);
      }
      place.reporters += sign * callers;
      if (place.reporters === 0) sum.places.delete(key);
      place.requestsPerSecond += sign * issued * perSecond;
      place.errorsPerSecond += sign * errors * perSecond;
      place.inFlight += sign * inFlight;
    }
    const { streams } = sum;
    for (let i = 0; i < endpoints.length; i += 2) {
      const hash = endpoints[i]!;
      const count = (streams.get(hash) ?? 0) + sign * endpoints[i + 1]!;
      if (count > 0) streams.set(hash, count);
      else streams.delete(hash);
    }
  }
}

function isBusy({ localities }: ClusterLoad): boolean {
  return localities.some(({ issued, inFlight }) => issued > 0 || inFlight > 0);
}
