/** What the table has counted since this capture began. */
export interface PathTotals {
  /** Connections that captured pods began, to anywhere. */
  readonly dialled: number;
  /** Connections that were led to the proxy. */
  readonly captured: number;
  /** Packets that arrived of such connections. */
  readonly carried: number;
}

/** Traffic without one captured connection for so long is reported. */
const INERT_MS = 120_000;
/** Connections that were led to the proxy of which nothing arrived. */
const LOST_CONNECTIONS = 3;
const LOST_MS = 3_000;
/** How long the gate stays closed when nothing arrives. */
const PAUSE_MS = 60_000;

/**
 * Notices the two ways in which capture can do nothing, or harm, while canaries are fine: sockets that never come to the map, since something else
 * translates them first (Cilium's socket load balancing), and a firewall of the node that drops what pods send to it. Pure but for its memory.
 */
export class PathWatch {
  #last: PathTotals | undefined;
  #trafficSinceMs: number | undefined;
  #lost = 0;
  #lostSinceMs = 0;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;

  /** @param hasWork whether there are captured pods and services. */
  note(totals: PathTotals, hasWork: boolean, nowMs: number): void {
    const last = this.#last ?? totals;
    this.#last = totals;
    const isCaptured = totals.captured > last.captured || totals.carried > last.carried;
    if (isCaptured || !hasWork) this.#trafficSinceMs = undefined;
    else if (totals.dialled > last.dialled) this.#trafficSinceMs ??= nowMs;
    if (totals.carried > last.carried) this.#lost = 0;
    else if (totals.captured > last.captured) {
      if (this.#lost === 0) this.#lostSinceMs = nowMs;
      this.#lost += totals.captured - last.captured;
    }
    if (this.#lost >= LOST_CONNECTIONS && nowMs - this.#lostSinceMs >= LOST_MS) {
      this.#lost = 0;
      this.#pausedUntilMs = nowMs + PAUSE_MS;
    }
  }

  /** Since when captured pods have had traffic and nothing of it came to the proxy, once that is long enough. */
  inertSinceMs(nowMs: number): number | undefined {
    const sinceMs = this.#trafficSinceMs;
    return sinceMs !== undefined && nowMs - sinceMs >= INERT_MS ? sinceMs : undefined;
  }

  /** Whether new connections are let past because what was led to the proxy did not arrive. */
  isPaused(nowMs: number): boolean {
    return nowMs < this.#pausedUntilMs;
  }
}
