/** What is known of a while in which the gate was closed although it should have been open. */
export interface Lapse {
  /** How long it was, in milliseconds. */
  readonly lateMs: number;
  /** Between this renewal and the one before; otherwise it is a second at most. */
  readonly sinceRenewalMs: number;
  /** How much of that nft took. */
  readonly nftMs: number;
}

/**
 * Notices that the gate's time has run out in the kernel between two renewals: capture, its nft or the canaries were late, as when the machine stood still or
 * gave them no processor for seconds. No decision says so, since at none of them the gate was closed. Pure; times are on one clock, in milliseconds.
 */
export class GateLapses {
  #heldUntilMs = Number.POSITIVE_INFINITY;
  #renewedMs = Number.NaN;

  /**
   * Notes a renewal.
   *
   * @param openMs how long the gate is open from then on; 0: it is closed.
   * @param beganMs when nft was started with it. @param endedMs when it had done it.
   * @returns what was missed before it; undefined when nothing was, or the gate is closed now: then that has its reason.
   */
  renewed(openMs: number, beganMs: number, endedMs: number): Lapse | undefined {
    const [lateMs, sinceRenewalMs] = [endedMs - this.#heldUntilMs, endedMs - this.#renewedMs];
    this.#heldUntilMs = openMs > 0 ? endedMs + openMs : Number.POSITIVE_INFINITY;
    this.#renewedMs = endedMs;
    return openMs > 0 && lateMs > 0 ? { lateMs, sinceRenewalMs, nftMs: endedMs - beganMs } : undefined;
  }
}
