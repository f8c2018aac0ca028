/** What a number of checks in a row says about an endpoint: one failure is not an illness, one success no recovery. */
export class HealthVerdict {
  /** Until enough is known an endpoint counts as healthy: a proxy that starts must not find everything sick. */
  isHealthy: boolean;
  #against = 0;

  constructor(isHealthy = true) {
    this.isHealthy = isHealthy;
  }

  /**
   * Takes a check's outcome.
   *
   * @param threshold checks in a row that change the verdict: of failures for a healthy endpoint, of successes for a sick one.
   * @returns whether the verdict has changed.
   */
  record(succeeded: boolean, threshold: { readonly unhealthy: number; readonly healthy: number }): boolean {
    if (succeeded === this.isHealthy) {
      this.#against = 0;
      return false;
    }
    const wanted = this.isHealthy ? threshold.unhealthy : threshold.healthy;
    if (++this.#against < wanted) return false;
    this.#against = 0;
    this.isHealthy = succeeded;
    return true;
  }
}
