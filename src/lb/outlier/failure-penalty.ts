/** By how much a penalty has fallen after this time: to 1 / e. */
const FADE_MS = 5_000;
/** What a storm of failures adds up to at most: it is gone after about 20 s. */
const MAX_STREAMS = 64;
/** Below this it is nothing. */
const LEAST_STREAMS = 0.05;
/** Attempts that are remembered of each endpoint. */
const HISTORY = 0xffff;

/**
 * Keeps fast failures from attracting traffic: an endpoint that fails at once has few streams in flight and looks free. It is
 * given streams that it does not have, which fade. A failure among the last 16 attempts adds one for each other failure among
 * them: a lone failure is nothing, half of the attempts are 7 or 8. Each success halves what there is.
 *
 * This is what slows the flow until outlier detection has seen enough to stop it, and all there is where that is off. Known
 * to one worker; costs a read where nothing fails. Cousin: linkerd's load biaser, which penalises the latency.
 */
export class FailurePenalty {
  readonly #streams: Float64Array;
  readonly #setMs: Float64Array;
  /** The last 16 attempts, a bit each, the newest lowest: 1 is a failure. */
  readonly #history: Uint16Array;

  /** @param slots highest endpoint slot plus 1. */
  constructor(slots: number) {
    this.#streams = new Float64Array(slots);
    this.#setMs = new Float64Array(slots);
    this.#history = new Uint16Array(slots);
  }

  /** @returns streams the endpoint is to be taken to have beyond those it has; 0 nearly always. */
  streams(slot: number, nowMs: number): number {
    const streams = this.#streams[slot]!;
    if (streams === 0) return 0;
    const left = streams * Math.exp((this.#setMs[slot]! - nowMs) / FADE_MS);
    return left < LEAST_STREAMS ? 0 : Math.min(left, MAX_STREAMS);
  }

  /** An attempt at the endpoint failed. */
  failed(slot: number, nowMs: number): void {
    const history = ((this.#history[slot]! << 1) | 1) & HISTORY;
    this.#history[slot] = history;
    this.#set(slot, this.streams(slot, nowMs) + ones(history) - 1, nowMs);
  }

  /** An attempt at the endpoint was answered well. */
  succeeded(slot: number, nowMs: number): void {
    const history = this.#history[slot]!;
    if (history === 0) return;
    this.#history[slot] = history << 1;
    if (this.#streams[slot]! > 0) this.#set(slot, this.streams(slot, nowMs) / 2, nowMs);
  }

  /** The slot has another owner. */
  clear(slot: number): void {
    if (this.#streams[slot] !== 0) this.#streams[slot] = 0;
    if (this.#history[slot] !== 0) this.#history[slot] = 0;
  }

  #set(slot: number, streams: number, nowMs: number): void {
    this.#streams[slot] = streams < LEAST_STREAMS ? 0 : Math.min(streams, MAX_STREAMS);
    this.#setMs[slot] = nowMs;
  }
}

function ones(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}
