import type { LoadSources } from "./cluster-loads.ts";
import { ClusterLoads } from "./cluster-loads.ts";

/**
 * Streams that the usual utilization stands for. Of 1, 2, 3 and 4 the best where endpoints serve one request at a time and 40 % of the load is not ours
 * (docs/simulate.md); where they serve many, own streams count for more than reports.
 */
const STREAMS_PER_UTILIZATION = 2;

/**
 * `utilization`: own streams in flight, and what others have there as far as the endpoint reports it: its utilization relative to the cluster's mean,
 * in streams, without the own ones that it had in its count. What others have fades by time towards their mean, so that an endpoint whose
 * reports stay away looks usual and not idle. Own streams count in full, whenever the report came: they are what has changed since.
 *
 * Source: ORCA (gRFC A51); the report's age as Prequal and C3 treat their probes.
 */
export class UtilizationLoads extends ClusterLoads {
  override readonly refreshes: boolean = true;
  readonly #agingMs: number;
  #mean = 0;
  /** What others usually have at an endpoint, in streams. */
  #others = 0;

  /** @param agingMs time constant by which a report is forgotten. */
  constructor(sources: LoadSources, agingMs: number) {
    super(sources);
    this.#agingMs = agingMs;
  }

  override refresh(nowMs: number): void {
    this.#mean = this.#meanOf(nowMs, (slot) => this.measures.utilization(slot));
    this.#others = this.#mean > 0 ? this.#meanOf(nowMs, (slot) => this.#othersAt(slot)) : 0;
  }

  override load(slot: number, nowMs: number): number {
    const streams = this.busy(slot, nowMs);
    if (this.#mean <= 0) return streams;
    if (this.measures.utilization(slot) < 0) return streams + this.#others;
    return streams + this.#others + (this.#othersAt(slot) - this.#others) * this.#freshness(slot, nowMs);
  }

  /** Streams of others, when the last report came. */
  #othersAt(slot: number): number {
    const all = (STREAMS_PER_UTILIZATION * this.measures.utilization(slot)) / this.#mean;
    return Math.max(0, all - this.measures.ownAtReport(slot));
  }

  /** A mean over those that have reported, by how fresh that is; 0 when nobody has for long, which says nothing. */
  #meanOf(nowMs: number, of: (slot: number) => number): number {
    let sum = 0;
    let trust = 0;
    for (let i = 0; i < this.slots.length; i++) {
      const slot = this.slots[i]!;
      if (this.measures.utilization(slot) < 0) continue;
      const fresh = this.#freshness(slot, nowMs);
      sum += of(slot) * fresh;
      trust += fresh;
    }
    return trust < 1e-6 ? 0 : sum / trust;
  }

  #freshness(slot: number, nowMs: number): number {
    const age = nowMs - this.measures.reportedMs(slot);
    return age <= 0 ? 1 : Math.exp(-age / this.#agingMs);
  }
}
