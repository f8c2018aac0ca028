import type { Random } from "../base/random.ts";
import type { HealthCheck } from "../resource/health-check.ts";
import type { CheckQueue } from "./check-queue.ts";
import { HealthVerdict } from "./health-verdict.ts";
import type { Probe, ProbeAnswer } from "./probe.ts";

/** Intervals are longer or shorter by up to this share, so that the checks of many proxies do not come together. */
const JITTER = 0.1;
/** An endpoint that is new is asked within this time, if the interval is not shorter. */
const FIRST_CHECK_MS = 1_000;

/** Told what checks of an endpoint come to. */
export interface EndpointCheckOwner {
  /** Each answer. */
  onAnswer(answer: ProbeAnswer): void;
  /** The verdict has changed. */
  onVerdict(isHealthy: boolean, answer: ProbeAnswer): void;
}

/** The checks of one endpoint: one timer, and at most one check under way. */
export class EndpointCheck {
  readonly verdict: HealthVerdict;
  readonly #settings: HealthCheck;
  readonly #probe: Probe;
  readonly #queue: CheckQueue;
  readonly #random: Random;
  readonly #owner: EndpointCheckOwner;
  readonly #check = (): Promise<void> => this.#run();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** @param wasHealthy what an earlier check of the same endpoint said; default: true. */
  constructor(
    settings: HealthCheck,
    probe: Probe,
    queue: CheckQueue,
    random: Random,
    owner: EndpointCheckOwner,
    wasHealthy = true,
  ) {
    this.#settings = settings;
    this.#probe = probe;
    this.#queue = queue;
    this.#random = random;
    this.#owner = owner;
    this.verdict = new HealthVerdict(wasHealthy);
    this.#schedule(Math.min(settings.intervalMs, FIRST_CHECK_MS) * random.nextFloat());
  }

  /** Ends the checks; the answer of one under way is not heard. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#queue.leave(this.#check);
    this.#probe.reset();
  }

  /** The certificates have changed. */
  reset(): void {
    this.#probe.reset();
  }

  #schedule(ms: number): void {
    this.#timer = setTimeout(() => this.#queue.run(this.#check), ms);
  }

  async #run(): Promise<void> {
    const { timeoutMs, intervalMs, unhealthyThreshold, healthyThreshold } = this.#settings;
    const jittered = intervalMs * (1 - JITTER + 2 * JITTER * this.#random.nextFloat());
    const beganMs = performance.now();
    const answer = await this.#probe.check(timeoutMs);
    if (this.#stopped) {
      this.#probe.reset();
      return;
    }
    this.#owner.onAnswer(answer);
    const thresholds = { unhealthy: unhealthyThreshold, healthy: healthyThreshold };
    if (this.verdict.record(answer.result === "success", thresholds))
      this.#owner.onVerdict(this.verdict.isHealthy, answer);
    this.#schedule(Math.max(0, jittered - (performance.now() - beganMs)));
  }
}
