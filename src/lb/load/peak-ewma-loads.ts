import { ClusterLoads } from "./cluster-loads.ts";

/** An endpoint is at most this many times as costly as the usual one: what is worse is no worse. */
const HIGHEST_FACTOR = 1_000;

/**
 * `peak_ewma`: streams in flight times an average of latency that follows rises at once and falls slowly, so that an endpoint
 * that has become slow is avoided after one slow answer. One that nothing is known of yet counts as usual, not as free.
 *
 * Source: Finagle, PeakEwma: cost × (in flight + 1), cost = rtt when that is above it, else decaying with a time constant of 10 s.
 */
export class PeakEwmaLoads extends ClusterLoads {
  override readonly observesLatency: boolean = true;
  override readonly refreshes: boolean = true;

  /** The usual cost is the harmonic mean: a few endpoints that hang leave it where the others are. */
  override refresh(nowMs: number): void {
    let known = 0;
    let inverse = 0;
    for (let i = 0; i < this.slots.length; i++) {
      const cost = this.measures.costMs(this.slots[i]!, nowMs);
      if (cost === 0) continue;
      known++;
      inverse += 1 / cost;
    }
    this.referenceMs = known === 0 ? 0 : known / inverse;
  }

  override load(slot: number, nowMs: number): number {
    const cost = this.measures.costMs(slot, nowMs);
    if (cost === 0 || this.referenceMs === 0) return this.busy(slot, nowMs);
    return this.scaled(slot, nowMs, Math.min(cost / this.referenceMs, HIGHEST_FACTOR));
  }
}
