import { ClusterLoads } from "./cluster-loads.ts";

/** An endpoint is at most this many times as costly as the usual one: what is worse is no worse. */
const HIGHEST_FACTOR = 1_000;
/**
 * Time constant by which the silence of an endpoint is doubted, in ms: what hangs runs into time limits meanwhile, which count as
 * failures; what only has nothing to say yet, on a stream without events, is asked again after about 20 s.
 */
const SILENCE_DOUBT_MS = 3_000;

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
    const usual = this.referenceMs;
    if (usual === 0) return this.busy(slot, nowMs);
    const known = this.measures.costMs(slot, nowMs);
    let cost = known === 0 ? usual : known;
    const silentMs = this.measures.silentMs(slot, nowMs);
    if (silentMs > cost) cost = Math.max(cost, silentMs * Math.exp(-silentMs / SILENCE_DOUBT_MS));
    return this.scaled(slot, nowMs, Math.min(cost / usual, HIGHEST_FACTOR));
  }
}
