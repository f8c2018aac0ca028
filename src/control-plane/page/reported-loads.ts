import type { TierLoads } from "../../lb/tier-loads.ts";

/** Loads as callers have reported them together, for picks that are simulated: the same for all of a service's metrics. */
export class ReportedLoads implements TierLoads {
  readonly #streams: Float64Array;
  readonly #total: number;

  /** @param streams in flight, by slot. */
  constructor(streams: Float64Array) {
    this.#streams = streams;
    this.#total = streams.reduce((sum, each) => sum + each, 0);
  }

  inFlight(slot: number): number {
    return this.#streams[slot]!;
  }

  load(slot: number): number {
    return this.#streams[slot]!;
  }

  total(): number {
    return this.#total;
  }

  /** Of no caller in particular. */
  own(): number {
    return 0;
  }

  usual(): number {
    return 0;
  }
}
