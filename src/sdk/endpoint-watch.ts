import type { Random } from "../base/random.ts";
import { AnswerTime } from "../lb/outlier/answer-time.ts";
import { AttemptOutcome } from "../lb/outlier/attempt-outcome.ts";
import type { ListedHost, OutlierDetectorOwner } from "../lb/outlier/outlier-detector.ts";
import { OutlierDetector } from "../lb/outlier/outlier-detector.ts";
import { TrialGate } from "../lb/outlier/shared-outcomes.ts";
import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { HEALTH_CODE } from "../resource/endpoint.ts";
import { SetAside } from "../resource/set-aside.ts";
import type { EndpointTable } from "./endpoint-table.ts";
import { OWN_ROW } from "./endpoint-table.ts";

/** What an {@link EndpointWatch} works with. */
export interface EndpointWatchOptions {
  readonly table: EndpointTable;
  readonly random: Random;
  /** Told when an endpoint was ejected or has come back: candidates are to be made anew. */
  readonly onChange: () => void;
  /** Told of ejections, for the log. @param reason "" when it is taken back. */
  readonly onEjection: (slot: number, reason: string, seconds: number) => void;
}

/** What one cluster's endpoints show by their answers: who is ejected, who is on trial, who gets less for its failures. */
export class EndpointWatch implements OutlierDetectorOwner {
  /** Ejected endpoints that may be given one request at a time. */
  readonly trials: Set<number> = new Set<number>();
  readonly #options: EndpointWatchOptions;
  readonly #answerTime = new AnswerTime();
  #detector: OutlierDetector | undefined;
  #consecutiveFailures = 0;

  constructor(options: EndpointWatchOptions) {
    this.#options = options;
  }

  /** Takes a cluster's new version. */
  apply(snapshot: ClusterSnapshot, nowMs: number): void {
    const settings = snapshot.settings.outlierDetection;
    if (settings === null) {
      this.close();
      return;
    }
    const { table, random } = this.#options;
    this.#consecutiveFailures = settings.consecutiveFailures;
    this.#detector ??= new OutlierDetector(settings, table.outcomes, random, this);
    const listed: ListedHost[] = [];
    for (let i = 0; i < snapshot.count; i++) {
      if (snapshot.healthAt(i) !== HEALTH_CODE.healthy) continue;
      listed.push({ slot: snapshot.slotAt(i), generation: snapshot.generationAt(i) });
    }
    this.#detector.update(settings, listed, nowMs);
  }

  /** Takes every endpoint back, and watches none any more. */
  close(): void {
    this.#detector?.close();
    this.#detector = undefined;
  }

  /** Takes the trial of an endpoint. @returns whether the caller's request is it. */
  takeTrial(slot: number): boolean {
    return this.#options.table.outcomes.takeGate(slot);
  }

  /** @returns whether an endpoint that has not answered after `elapsedMs` is slower than the others. */
  isLate(elapsedMs: number): boolean {
    return this.#detector !== undefined && this.#answerTime.isLate(elapsedMs);
  }

  /** An answer began. */
  answered(slot: number): void {
    const { outcomes } = this.#options.table;
    if (this.#detector !== undefined && outcomes.gate(slot) === TrialGate.taken)
      outcomes.answered(OWN_ROW, slot);
  }

  /** An attempt has ended; `late` is decided by {@link isLate} before. @param elapsedMs since it began. */
  ended(slot: number, outcome: AttemptOutcome, elapsedMs: number, nowMs: number): void {
    const { penalty, outcomes, streaks, counters } = this.#options.table;
    const isWatched = this.#detector !== undefined;
    if (outcome === AttemptOutcome.success) {
      penalty.succeeded(slot, nowMs);
      if (!isWatched) return;
      outcomes.succeeded(OWN_ROW, slot);
      streaks[slot] = 0;
      this.#answerTime.observe(elapsedMs);
      return;
    }
    const isFault = outcome === AttemptOutcome.fault || outcome === AttemptOutcome.lost;
    if (!isFault && outcome !== AttemptOutcome.error) return;
    counters.errors[slot]!++;
    penalty.failed(slot, nowMs);
    if (!isWatched) return;
    outcomes.failed(OWN_ROW, slot);
    // An error may be the request's doing: only rates tell.
    if (!isFault || this.#consecutiveFailures === 0 || ++streaks[slot]! < this.#consecutiveFailures) return;
    streaks[slot] = 0;
    if (counters.asideReasons(slot) & SetAside.outlier) return;
    outcomes.tripped(OWN_ROW, slot);
    this.tick(nowMs);
  }

  /** To be called several times a second. */
  tick(nowMs: number): void {
    this.#detector?.tick(nowMs);
  }

  /** @see OutlierDetectorOwner.ejected */
  ejected(slot: number, reason: string, ms: number): void {
    const { table, onChange, onEjection } = this.#options;
    onEjection(slot, reason, Math.round(ms / 1_000));
    if (table.markAside(slot, SetAside.outlier, true)) onChange();
  }

  /** @see OutlierDetectorOwner.refused */
  refused(): void {
    // As many are ejected as may be; the endpoint goes on with what its failures leave it.
  }

  /** @see OutlierDetectorOwner.setGate */
  setGate(slot: number, gate: TrialGate): void {
    this.#options.table.outcomes.setGate(slot, gate);
    if (gate === TrialGate.closed) this.trials.delete(slot);
    else this.trials.add(slot);
  }

  /** @see OutlierDetectorOwner.returned */
  returned(slot: number): void {
    const { table, onChange, onEjection } = this.#options;
    if (!table.markAside(slot, SetAside.outlier, false)) return;
    onEjection(slot, "", 0);
    onChange();
  }

  /** @see OutlierDetectorOwner.isOtherwiseAside */
  isOtherwiseAside(slot: number): boolean {
    return (this.#options.table.counters.asideReasons(slot) & ~SetAside.outlier) !== 0;
  }
}
