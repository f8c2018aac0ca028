import { ClusterLoads } from "./cluster-loads.ts";

const HIGHEST_FACTOR = 1_000;
/**
 * The base weight in units of the usual rate: 2 lets an endpoint without requests look half again as costly as the others, which is less
 * than the difference of a stream that a pick takes for one.
 */
const BASE = 2;
/** What waits longer than this many mean latencies counts against the endpoint. Source: brpc, punish_inflight_ratio. */
const PUNISHED_WAIT = 1.5;

/**
 * `locality_aware`: brpc's weight, throughput / mean latency, as the cost that pickers compare: latency × (1 + base) × usual
 * rate / (rate + base × usual rate), rates being successes per second and unit of weight. Without the base weight an endpoint that has had nothing would never get anything, and shares would wander, because more requests
 * make more throughput. What waits for an answer longer than {@link PUNISHED_WAIT} mean latencies raises the cost in proportion, so
 * that an endpoint that hangs is avoided before anything has timed out. Failures count with a penalised latency and as no throughput.
 *
 * Source: Apache brpc, docs/cn/lalb.md (locality-aware load balancing).
 */
export class LocalityAwareLoads extends ClusterLoads {
  override readonly observesLatency: boolean = true;
  override readonly refreshes: boolean = true;
  #weights: Float64Array = new Float64Array(0);
  /** Weight by slot, from the lowest slot of the cluster on. */
  #weightBySlot: Float64Array = new Float64Array(0);
  #firstSlot = 0;
  /** Successes per second and unit of weight. */
  #usualRate = 0;

  override follow(slots: Int32Array, weights: Float64Array): void {
    super.follow(slots, weights);
    this.#weights = weights;
    let lowest = Number.POSITIVE_INFINITY;
    let highest = -1;
    for (const slot of slots) {
      lowest = Math.min(lowest, slot);
      highest = Math.max(highest, slot);
    }
    this.#firstSlot = slots.length === 0 ? 0 : lowest;
    this.#weightBySlot = new Float64Array(slots.length === 0 ? 0 : highest - lowest + 1).fill(1);
    slots.forEach((slot, i) => {
      this.#weightBySlot[slot - this.#firstSlot] = weights[i]!;
    });
  }

  override refresh(nowMs: number): void {
    let known = 0;
    let inverse = 0;
    let rate = 0;
    let weight = 0;
    for (let i = 0; i < this.slots.length; i++) {
      const latency = this.measures.meanLatencyMs(this.slots[i]!, nowMs);
      rate += this.measures.successRate(this.slots[i]!, nowMs);
      weight += this.#weights[i]!;
      if (latency === 0) continue;
      known++;
      inverse += 1 / latency;
    }
    this.referenceMs = known === 0 ? 0 : known / inverse;
    this.#usualRate = weight === 0 ? 0 : rate / weight;
  }

  override load(slot: number, nowMs: number): number {
    if (this.referenceMs === 0) return this.busy(slot, nowMs);
    const { measures } = this;
    // What is slow is forgotten while nothing is sent there: how else would it be seen to be well again.
    const latency = measures.meanLatencyMs(slot, nowMs, this.referenceMs);
    let factor = latency / this.referenceMs;
    const usual = this.#usualRate;
    if (usual > 0) {
      const weight = this.#weightBySlot[slot - this.#firstSlot] ?? 1;
      factor *= ((1 + BASE) * usual) / (measures.successRate(slot, nowMs) / weight + BASE * usual);
    }
    const waitingMs = measures.waitingMs(slot, nowMs);
    const patience = PUNISHED_WAIT * latency;
    if (waitingMs > patience) factor *= waitingMs / patience;
    return this.scaled(slot, nowMs, Math.min(factor, HIGHEST_FACTOR));
  }
}
