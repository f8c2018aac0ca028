/** Chooses endpoints for the callers of a simulation: what is compared. Callers are numbered from 0. */
export interface Balancer {
  /** Timers numbered from 0, each first due at {@link firstMs}; 0 for none. */
  readonly timerCount: number;

  /** @returns the slot of an endpoint, -1 when there is none. What is chosen is sent there. */
  choose(caller: number, nowMs: number): number;

  /**
   * A request's answer has arrived, or was given up.
   *
   * @param reported what the endpoint said of its load when it answered: requests per server; -1 for nothing.
   */
  answered(
    caller: number,
    slot: number,
    latencyMs: number,
    failed: boolean,
    reported: number,
    nowMs: number,
  ): void;

  /** Discovery, or what is known of callers' rates, says something new. */
  update(nowMs: number): void;

  firstMs(timer: number): number;

  /** @returns when the timer is due again. */
  fire(timer: number, nowMs: number): number;
}
