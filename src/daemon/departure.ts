import type { Log } from "../telemetry/log.ts";
import type { Readiness } from "./readiness.ts";

/** What a worker may take beyond the limit of a drain to say that it is done. */
const GRACE_MS = 1_000;
/** How long the node's traffic may take to be led elsewhere before the process leaves all the same. */
const HAND_OVER_MS = 5_000;
const LOOK_MS = 50;

/** What a {@link Departure} works with. */
export interface DepartureOptions {
  readonly workers: number;
  readonly readiness: Readiness;
  readonly log: Log;
  /** As the configuration has them now. */
  readonly settings: () => { readonly limitMs: number; readonly delayMs: number };
  /** Told at once when the process begins to leave. */
  readonly onBegin: () => void;
  /** Whether the node's traffic is still led here. */
  readonly isLedHere: () => boolean;
  /** Lets streams finish: listeners close, clients are asked to go. */
  readonly drain: (limitMs: number) => void;
  /** Nothing is left. */
  readonly onLeft: () => void;
}

/** How the process leaves: it says so, waits for whoever sends it traffic, lets streams finish within a limit, and is done. */
export class Departure {
  readonly #options: DepartureOptions;
  readonly #undrained = new Set<number>();
  #timer: NodeJS.Timeout | undefined;
  #cutOff = 0;

  constructor(options: DepartureOptions) {
    this.#options = options;
  }

  /** Begins once; further calls do nothing. @param isUrgent nobody who sends traffic is waited for. */
  begin(cause: string, isUrgent: boolean): void {
    const { readiness, log, settings, onBegin } = this.#options;
    if (readiness.isDraining) return;
    const { limitMs, delayMs } = settings();
    readiness.draining();
    log.info("draining", { cause, delayMs, limitMs });
    onBegin();
    const handOverMs = isUrgent ? 0 : HAND_OVER_MS;
    this.#timer = setTimeout(() => this.#whenLedElsewhere(limitMs, handOverMs), isUrgent ? 0 : delayMs);
  }

  /** A worker has no stream left, or is gone. @param cutOff streams that the limit has ended. */
  workerDrained(worker: number, cutOff = 0): void {
    if (!this.#undrained.delete(worker)) return;
    this.#cutOff += cutOff;
    if (this.#undrained.size === 0) this.#left("all streams have finished");
  }

  /** Streams that the limit has ended so far. */
  get cutOff(): number {
    return this.#cutOff;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #whenLedElsewhere(limitMs: number, waitMs: number): void {
    if (waitMs > 0 && this.#options.isLedHere()) {
      this.#timer = setTimeout(() => this.#whenLedElsewhere(limitMs, waitMs - LOOK_MS), LOOK_MS);
      return;
    }
    for (let worker = 0; worker < this.#options.workers; worker++) this.#undrained.add(worker);
    this.#options.drain(limitMs);
    this.#timer = setTimeout(() => this.#left("the limit has passed"), limitMs + GRACE_MS);
  }

  #left(how: string): void {
    clearTimeout(this.#timer);
    this.#options.log.info("drained", { how });
    this.#options.onLeft();
  }
}
