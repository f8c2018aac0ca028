/** What a service promises its callers, as its TrafficPolicy says; what is absent is not said. Nothing of the data path looks at it. */
export interface ServiceObjectives {
  /** 95 % of the requests are answered within this, in ms. */
  readonly p95Ms?: number;
  /** Share of the requests that may fail for the endpoints' fault, 0 to 1. */
  readonly errorRate?: number;
  /** Share of the requests that succeed, 0 to 1. */
  readonly success?: number;
}
