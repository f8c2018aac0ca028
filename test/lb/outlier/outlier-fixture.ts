import { SeededRandom } from "../../../src/base/random.ts";
import type { EjectionReason, OutlierDetectorOwner } from "../../../src/lb/outlier/outlier-detector.ts";
import { OutlierDetector } from "../../../src/lb/outlier/outlier-detector.ts";
import type { TrialGate } from "../../../src/lb/outlier/shared-outcomes.ts";
import { SharedOutcomes } from "../../../src/lb/outlier/shared-outcomes.ts";
import type { OutlierDetection } from "../../../src/resource/outlier-detection.ts";
import { OUTLIER_DETECTION_DEFAULTS } from "../../../src/resource/outlier-detection.ts";

/** One ejection as the owner was told of it. */
export interface ToldEjection {
  readonly slot: number;
  readonly reason: EjectionReason;
  readonly ms: number;
  readonly times: number;
  readonly atMs: number;
}

/** A detector in virtual time, with its endpoints in slots 0 to n - 1 and two workers that count. */
export class OutlierRig implements OutlierDetectorOwner {
  readonly outcomes = new SharedOutcomes(2);
  readonly detector: OutlierDetector;
  readonly aside = new Set<number>();
  readonly otherwiseAside = new Set<number>();
  readonly ejections: ToldEjection[] = [];
  readonly refusals: EjectionReason[] = [];
  nowMs = 1_000_000;

  constructor(endpoints: number, settings: Partial<OutlierDetection> = {}, seed = 1) {
    const all = { ...OUTLIER_DETECTION_DEFAULTS, ...settings };
    this.detector = new OutlierDetector(all, this.outcomes, new SeededRandom(seed), this);
    const listed = Array.from({ length: endpoints }, (_, slot) => ({ slot, generation: 1 }));
    this.detector.update(all, listed, this.nowMs);
  }

  ejected(slot: number, reason: EjectionReason, ms: number, times: number): void {
    this.aside.add(slot);
    this.ejections.push({ slot, reason, ms, times, atMs: this.nowMs });
  }

  refused(_slot: number, reason: EjectionReason): void {
    this.refusals.push(reason);
  }

  setGate(slot: number, gate: TrialGate): void {
    this.outcomes.setGate(slot, gate);
  }

  returned(slot: number): void {
    this.aside.delete(slot);
  }

  isOtherwiseAside(slot: number): boolean {
    return this.otherwiseAside.has(slot);
  }

  /** So many answers of an endpoint, spread over the workers. */
  answer(slot: number, successes: number, failures: number): void {
    for (let i = 0; i < successes; i++) this.outcomes.succeeded(i % 2, slot);
    for (let i = 0; i < failures; i++) this.outcomes.failed(i % 2, slot);
  }

  /** A worker has seen too many failures in a row. */
  trip(slot: number): void {
    this.outcomes.tripped(slot % 2, slot);
  }

  /** Lets time pass, the detector looking four times a second. */
  pass(ms: number, eachTick: () => void = () => {}): void {
    const endMs = this.nowMs + ms;
    while (this.nowMs < endMs) {
      this.nowMs = Math.min(endMs, this.nowMs + 250);
      eachTick();
      this.detector.tick(this.nowMs);
    }
  }

  state(slot: number): string {
    return this.detector.hosts.get(slot)!.state;
  }
}
