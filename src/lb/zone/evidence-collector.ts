import type { CandidateSet } from "../candidate-set.ts";
import type { EndpointMeasures } from "../load/endpoint-measures.ts";
import { LATENCY_DECAY_MS } from "../load/endpoint-measures.ts";
import type { TierSet } from "../tier-set.ts";
import type { TierEvidence } from "./tier-evidence.ts";
import { noEvidence } from "./tier-evidence.ts";

/** Peer reports that stay away for longer than this are none. */
const PEERS_SILENT_MS = 4_000;

/** Streams in flight at an endpoint: a LoadReader has it. */
export interface InFlightReader {
  /** @returns streams of this process and as peers reported theirs. */
  inFlight(slot: number, nowMs: number): number;
}

/** Sums up for spill-controller.ts what is measured about the endpoints of each tier. One per proxy (or worker) and cluster. */
export class EvidenceCollector {
  readonly #measures: EndpointMeasures;
  readonly #streams: InFlightReader;
  readonly #reportExpiryMs: number;
  #set: TierSet | undefined;
  #collectedMs = 0;
  /** By tier: attempts, the sum of their latencies, and who waits, as of the last time. */
  #former: readonly Float64Array[] = [];
  #evidence: readonly TierEvidence[] = [];

  /** @param reportExpiryMs age from which an endpoint's own report says nothing. */
  constructor(measures: EndpointMeasures, streams: InFlightReader, reportExpiryMs: number) {
    this.#measures = measures;
    this.#streams = streams;
    this.#reportExpiryMs = reportExpiryMs;
  }

  /**
   * @param set where its tiers differ from those of the last time, nothing is known of answers until the next one.
   * @returns by tier; overwritten by the next call.
   */
  collect(nowMs: number, set: TierSet): readonly TierEvidence[] {
    const { tiers } = set;
    const isNew = this.#set?.tiers !== tiers;
    if (isNew) {
      this.#former = tiers.map(() => new Float64Array(3));
      this.#evidence = tiers.map(noEvidence);
    }
    this.#set = set;
    const kept = Math.exp(-Math.max(0, nowMs - this.#collectedMs) / LATENCY_DECAY_MS);
    this.#collectedMs = nowMs;
    for (let i = 0; i < tiers.length; i++) {
      const evidence = this.#evidence[i]!;
      this.#countAnswers(evidence, tiers[i]!, this.#former[i]!, nowMs, isNew ? -1 : kept);
      this.#weighLoad(evidence, tiers[i]!, nowMs);
    }
    return this.#evidence;
  }

  /** Sums decay, so what has come since is what exceeds the decayed former sum. @param kept -1: nothing is known before. */
  #countAnswers(
    evidence: TierEvidence,
    { slots }: CandidateSet,
    former: Float64Array,
    nowMs: number,
    kept: number,
  ): void {
    const [attempts, latencyMs] = former;
    former.fill(0);
    for (let i = 0; i < slots.length; i++) this.#measures.addLatencies(slots[i]!, nowMs, former);
    evidence.answers = kept < 0 ? 0 : Math.max(0, former[0]! - attempts! * kept);
    evidence.waiting = former[2]!;
    // Less than this is what is left of rounding.
    if (evidence.answers < 1e-3) evidence.answers = 0;
    evidence.answerMs = evidence.answers === 0 ? 0 : Math.max(0, former[1]! - latencyMs! * kept);
  }

  #weighLoad(evidence: TierEvidence, { slots, weights }: CandidateSet, nowMs: number): void {
    const measures = this.#measures;
    const silentMs = nowMs - measures.peersReportedMs;
    const peersKnown = measures.peersReportedMs > 0 && silentMs < PEERS_SILENT_MS;
    let weight = 0;
    let streams = 0;
    let utilization = 0;
    let reported = 0;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!;
      weight += weights[i]!;
      if (peersKnown) {
        const own = this.#streams.inFlight(slot, nowMs) - measures.peersOf(slot, nowMs);
        streams += own + measures.peersReported(slot);
      }
      const used = measures.utilization(slot);
      if (used < 0 || nowMs - measures.reportedMs(slot) > this.#reportExpiryMs) continue;
      utilization += used * weights[i]!;
      reported += weights[i]!;
    }
    const heaviest = slots.length === 0 ? 1 : weight / slots.length;
    evidence.streams = peersKnown && weight > 0 ? (streams / weight) * heaviest : -1;
    evidence.utilization = reported > 0 ? utilization / reported : -1;
  }
}
