import { ErrorCode } from "../h2/error-code.ts";
import { AttemptOutcome } from "../lb/outlier/attempt-outcome.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { abandonUpstream, fail } from "./exchange-fail.ts";
import { ExchangeBit, Phase } from "./exchange-table.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { PROXY_ERRORS } from "./proxy-error.ts";

/** The longest a timer can wait; deadlines may be centuries away. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Ends requests whose deadline has passed, and sees to the waits of attempts: one timer for all of them. */
export class DeadlineTimer {
  readonly #context: ProxyContext;
  readonly #dispatcher: Dispatcher;
  readonly #onDeadline = (slot: number): void => this.#deadline(slot);
  #timer: NodeJS.Timeout | undefined;
  #atMs = Number.POSITIVE_INFINITY;

  constructor(context: ProxyContext, dispatcher: Dispatcher) {
    this.#context = context;
    this.#dispatcher = dispatcher;
  }

  /** Sees to it that the timer runs by the earliest deadline. A timer that fires for nothing re-arms itself:
   * moving it for each request would cost more than a spare wake-up. */
  arm(): void {
    const { time } = this.#context;
    if (time.earliestDueMs >= this.#atMs) return;
    clearTimeout(this.#timer);
    this.#atMs = time.earliestDueMs;
    const wait = Math.min(Math.max(1, time.earliestDueMs - time.nowMs), MAX_TIMER_MS);
    this.#timer = setTimeout(() => this.#expire(), wait);
  }

  #expire(): void {
    const { deadlines, attemptTimers, time, turn, tick } = this.#context;
    this.#atMs = Number.POSITIVE_INFINITY;
    time.earliestDueMs = Number.POSITIVE_INFINITY;
    tick();
    deadlines.expire(time.nowMs, this.#onDeadline);
    attemptTimers.expire(time.nowMs, this.#dispatcher.attempts.expire);
    const wait = deadlines.nextMs(time.nowMs);
    const attemptWait = attemptTimers.nextMs(time.nowMs);
    if (wait >= 0) time.earliestDueMs = time.nowMs + wait;
    if (attemptWait >= 0) time.earliestDueMs = Math.min(time.earliestDueMs, time.nowMs + attemptWait);
    turn.schedule();
  }

  #deadline(slot: number): void {
    const { exchanges, clusters } = this.#context;
    exchanges.dueMs[slot] = 0;
    const phase = exchanges.phase[slot];
    if (phase === Phase.answered || phase === Phase.none) return;
    if (phase === Phase.attached) abandonUpstream(this.#context, slot, ErrorCode.cancel, AttemptOutcome.late);
    else this.#dispatcher.leaveWaiting(slot);
    const name = clusters[exchanges.cluster[slot]!]?.snapshot.name ?? "";
    const own = (exchanges.bits[slot]! & ExchangeBit.ownDeadline) !== 0;
    fail(this.#context, slot, own ? PROXY_ERRORS.requestTimeout : PROXY_ERRORS.deadline, name);
  }
}
