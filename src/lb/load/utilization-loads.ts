import type { LoadSources } from "./cluster-loads.ts";
import { ClusterLoads } from "./cluster-loads.ts";

/**
 * Streams that an endpoint of twice the usual utilization counts as having more. Of 1, 2, 3 and 4 the best at high load with callers that are not
 * ours (docs/simulate.md), and no worse than less elsewhere.
 */
const STREAMS_PER_UTILIZATION = 2;

/**
 * `utilization`: own streams in flight, corrected by what the endpoint reports of itself: one that is used more than the cluster's
 * mean counts as having some streams more, one that is used less as having fewer. The correction fades by time, towards the
 * mean, so that an endpoint whose reports stay away looks usual and not idle. Own streams count in full, whenever the report
 * came: they are what has changed since.
 *
 * Source: ORCA (gRFC A51); the report's age as Prequal and C3 treat their probes.
 */
export class UtilizationLoads extends ClusterLoads {
  override readonly refreshes: boolean = true;
  readonly #agingMs: number;
  #mean = 0;

  /** @param agingMs time constant by which a report is forgotten. */
  constructor(sources: LoadSources, agingMs: number) {
    super(sources);
    this.#agingMs = agingMs;
  }

  override refresh(nowMs: number): void {
    let sum = 0;
    let trust = 0;
    for (let i = 0; i < this.slots.length; i++) {
      const utilization = this.measures.utilization(this.slots[i]!);
      if (utilization < 0) continue;
      const fresh = this.#freshness(this.slots[i]!, nowMs);
      sum += utilization * fresh;
      trust += fresh;
    }
    // What nobody has reported for long says nothing.
    this.#mean = trust < 1e-6 ? 0 : sum / trust;
  }

  override load(slot: number, nowMs: number): number {
    const streams = this.busy(slot, nowMs);
    const utilization = this.measures.utilization(slot);
    if (utilization < 0 || this.#mean <= 0) return streams;
    const excess = (utilization / this.#mean - 1) * this.#freshness(slot, nowMs);
    return Math.max(0, streams + excess * STREAMS_PER_UTILIZATION);
  }

  #freshness(slot: number, nowMs: number): number {
    const age = nowMs - this.measures.reportedMs(slot);
    return age <= 0 ? 1 : Math.exp(-age / this.#agingMs);
  }
}
