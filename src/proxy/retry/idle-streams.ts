import type { ConnectionState } from "../../h2/connection-state.ts";
import { ExchangeBit, Phase } from "../exchange-table.ts";
import type { ProxyContext } from "../proxy-context.ts";

/**
 * Finds requests on which nothing has moved for too long, in either direction. They are looked at a few times a second, so that
 * frames cost nothing; a silence is found late by as much.
 */
export class IdleStreams {
  readonly #context: ProxyContext;
  readonly #limitMs: Float64Array;
  /** What had moved when it was last looked at, and since when that is so. */
  readonly #moved: Float64Array;
  readonly #sinceMs: Float64Array;
  #watched = false;

  constructor(context: ProxyContext) {
    this.#context = context;
    const slots = context.exchanges.peer.length;
    this.#limitMs = new Float64Array(slots);
    this.#moved = new Float64Array(slots);
    this.#sinceMs = new Float64Array(slots);
  }

  /** Begins to watch a request. @param limitMs longest silence. */
  watch(slot: number, limitMs: number): void {
    const { exchanges, time } = this.#context;
    exchanges.bits[slot]! |= ExchangeBit.idleWatched;
    this.#limitMs[slot] = limitMs;
    this.#moved[slot] = 0;
    this.#sinceMs[slot] = time.nowMs;
    this.#watched = true;
  }

  /** Looks at all requests, if any is watched. @param end is called for each that was silent for too long. */
  sweep(end: (connection: ConnectionState, slot: number) => void): void {
    if (!this.#watched) return;
    this.#watched = false;
    const { downstream, engine } = this.#context;
    for (const { connection } of downstream) {
      const { state } = connection;
      for (let slot = state.firstStream; slot !== 0; ) {
        // The end of one stream may be that of its neighbour's connection, never of its neighbour.
        const next = engine.streams.next[slot]!;
        if (this.#isSilent(slot)) end(state, slot);
        slot = next;
      }
    }
  }

  #isSilent(slot: number): boolean {
    const { exchanges, engine, time } = this.#context;
    const bits = exchanges.bits[slot]!;
    if (!(bits & ExchangeBit.idleWatched) || exchanges.phase[slot] === Phase.none) return false;
    this.#watched = true;
    const started = bits & ExchangeBit.responseStarted ? 1 : 0;
    const ended = bits & ExchangeBit.requestEnded ? 1 : 0;
    // Twice what came less what still waits grows with each octet that comes, and with each that goes on.
    const down = 2 * exchanges.responseOctets[slot]! - engine.streams.queue.octets[slot]!;
    const up = exchanges.bodyReceived[slot]! + exchanges.bodySent[slot]!;
    const moved = 1 + started + ended + exchanges.attempts[slot]! + down + up;
    if (moved !== this.#moved[slot]) {
      this.#moved[slot] = moved;
      this.#sinceMs[slot] = time.nowMs;
      return false;
    }
    return time.nowMs - this.#sinceMs[slot]! >= this.#limitMs[slot]!;
  }
}
