import type { Random } from "../../base/random.ts";
import type { OutlierDetection } from "../../resource/outlier-detection.ts";
import { mayEject } from "./ejection-limit.ts";
import type { OutcomeDelta } from "./outlier-host.ts";
import { OutlierHost } from "./outlier-host.ts";
import { rateOutliers } from "./rate-outliers.ts";
import type { OutcomeReader } from "./shared-outcomes.ts";
import { TrialGate } from "./shared-outcomes.ts";

/** Trial requests that have to go well, one after the other, before an endpoint has its full share again. */
export const TRIAL_REQUESTS = 5;
/** A trial whose end is not known after this time lets another request through. */
export const TRIAL_PATIENCE_MS = 10_000;
/** Ejections end up to this share earlier, so that many proxies do not all try the same endpoint at once. */
const JITTER = 0.1;

/** Why an endpoint is ejected. */
export const EJECTION_REASONS = ["consecutive_failures", "success_rate", "failure_share", "trial"] as const;

/** One of {@link EJECTION_REASONS}. */
export type EjectionReason = (typeof EJECTION_REASONS)[number];

/** An endpoint as its cluster lists it: one that discovery calls healthy. */
export interface ListedHost {
  readonly slot: number;
  readonly generation: number;
}

/** What {@link OutlierDetector} does to endpoints. */
export interface OutlierDetectorOwner {
  /** Sets the endpoint aside. @param ms for how long; `times`: the how manieth time in a row. */
  ejected(slot: number, reason: EjectionReason, ms: number, times: number): void;
  /** It should be ejected, but too many are. */
  refused(slot: number, reason: EjectionReason): void;
  /** Lets one request through to the ejected endpoint, or no more. */
  setGate(slot: number, gate: TrialGate): void;
  /** It is well again, or is no longer watched: takes it back. */
  returned(slot: number): void;
  /** @returns whether something else than outlier detection has set the endpoint aside. */
  isOtherwiseAside(slot: number): boolean;
}

/**
 * Ejects the endpoints of one cluster that fail more than others, and lets them come back gently. Pure: outcomes are read, the
 * clock and chance come in, what follows is told to the owner.
 *
 *     in use ──failures in a row, or a rate that stands out──▶ ejected (base × times, up to the maximum)
 *       ▲                                                        │ time is up          ▲
 *       └──5 requests went well, one at a time── trial ◀─────────┘  ──one failed───────┘
 *
 * Source: Envoy, outlier detection; gRFC A50; linkerd's breaker for the trial.
 */
export class OutlierDetector {
  #settings: OutlierDetection;
  readonly #outcomes: OutcomeReader;
  readonly #random: Random;
  readonly #owner: OutlierDetectorOwner;
  #hosts = new Map<number, OutlierHost>();

  constructor(
    settings: OutlierDetection,
    outcomes: OutcomeReader,
    random: Random,
    owner: OutlierDetectorOwner,
  ) {
    this.#settings = settings;
    this.#outcomes = outcomes;
    this.#random = random;
    this.#owner = owner;
  }

  /** The endpoints it watches, by slot. */
  get hosts(): ReadonlyMap<number, Readonly<OutlierHost>> {
    return this.#hosts;
  }

  /** Takes a new list of endpoints and new settings; those that stay keep what is known of them, ejections too. */
  update(settings: OutlierDetection, listed: readonly ListedHost[], nowMs: number): void {
    const isSameInterval = settings.intervalMs === this.#settings.intervalMs;
    this.#settings = settings;
    const hosts = new Map<number, OutlierHost>();
    for (const { slot, generation } of listed) {
      const present = this.#hosts.get(slot);
      const stays = present?.generation === generation && (isSameInterval || present.state !== "in_use");
      const host = stays
        ? present
        : new OutlierHost(slot, generation, this.#outcomes, settings.intervalMs, nowMs);
      hosts.set(slot, host);
    }
    for (const [slot, host] of this.#hosts) {
      if (hosts.get(slot) === host || host.state === "in_use") continue;
      this.#owner.setGate(slot, TrialGate.closed);
      this.#owner.returned(slot);
    }
    this.#hosts = hosts;
  }

  /** Takes every endpoint back. */
  close(): void {
    this.update(this.#settings, [], 0);
  }

  /** Looks at what has come in; to be called several times a second. */
  tick(nowMs: number): void {
    let news = 0;
    for (const host of this.#hosts.values()) {
      const delta = host.take(this.#outcomes);
      news += delta.successes + delta.failures;
      if (host.state === "in_use") this.#watch(host, delta, nowMs);
      else if (host.state === "trial") this.#judge(host, delta, nowMs);
      else if (nowMs >= host.dueMs) this.#try(host);
    }
    if (news > 0) this.#compare(nowMs);
  }

  #watch(host: OutlierHost, { successes, failures, trips }: OutcomeDelta, nowMs: number): void {
    host.window.add(successes, failures, nowMs);
    if (trips > 0) this.#eject(host, "consecutive_failures", nowMs);
    else if (host.times > 0 && nowMs >= host.dueMs) {
      host.times--;
      host.dueMs = nowMs + this.#settings.intervalMs;
    }
  }

  /** The rates of those in use. */
  #compare(nowMs: number): void {
    const inUse = [...this.#hosts.values()].filter(({ state }) => state === "in_use");
    const outliers = rateOutliers(
      inUse.map(({ window }) => window),
      this.#settings,
    );
    for (const { index, reason } of outliers) this.#eject(inUse[index]!, reason, nowMs);
  }

  #eject(host: OutlierHost, reason: EjectionReason, nowMs: number): void {
    const { baseEjectionMs, maxEjectionMs, maxEjectionShare } = this.#settings;
    // One in trial is ejected already: it only stays so.
    if (reason !== "trial" && !mayEject(this.#census(), maxEjectionShare)) {
      host.window.clear();
      this.#owner.refused(host.slot, reason);
      return;
    }
    host.times++;
    const longest = Math.max(baseEjectionMs, maxEjectionMs);
    const ms = Math.min(baseEjectionMs * host.times, longest) * (1 - JITTER * this.#random.nextFloat());
    host.state = "ejected";
    host.dueMs = nowMs + ms;
    host.window.clear();
    this.#owner.setGate(host.slot, TrialGate.closed);
    this.#owner.ejected(host.slot, reason, ms, host.times);
  }

  #census() {
    let ejected = 0;
    let usable = 0;
    for (const { slot, state } of this.#hosts.values()) {
      if (state !== "in_use") ejected++;
      else if (!this.#owner.isOtherwiseAside(slot)) usable++;
    }
    return { total: this.#hosts.size, ejected, usable };
  }

  #try(host: OutlierHost): void {
    host.state = "trial";
    host.passed = 0;
    host.takenMs = 0;
    host.answered = false;
    this.#owner.setGate(host.slot, TrialGate.open);
  }

  #judge(host: OutlierHost, { successes, failures, answers }: OutcomeDelta, nowMs: number): void {
    if (failures > 0) {
      this.#eject(host, "trial", nowMs);
      return;
    }
    if (answers > 0) host.answered = true;
    if (this.#outcomes.gate(host.slot) !== TrialGate.taken) return;
    if (host.takenMs === 0) host.takenMs = nowMs;
    // A stream may live for hours: that it is being answered has to do after a while.
    const patient = nowMs - host.takenMs < TRIAL_PATIENCE_MS;
    if (successes === 0 && patient) return;
    if (successes > 0 || host.answered) host.passed++;
    host.takenMs = 0;
    host.answered = false;
    if (host.passed >= TRIAL_REQUESTS) this.#takeBack(host, nowMs);
    else this.#owner.setGate(host.slot, TrialGate.open);
  }

  #takeBack(host: OutlierHost, nowMs: number): void {
    host.state = "in_use";
    host.dueMs = nowMs + this.#settings.intervalMs;
    host.window.clear();
    this.#owner.setGate(host.slot, TrialGate.closed);
    this.#owner.returned(host.slot);
  }
}
