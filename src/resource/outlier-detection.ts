/**
 * When an endpoint is ejected for what it answers. Source: Envoy, outlier detection; gRFC A50; what linkerd's breaker counts.
 * Enforcing shares are 0 to 1.
 */
export interface OutlierDetection {
  /** Failures in a row; 0 is off. Connection errors, resets and statuses that say the endpoint is at fault count. */
  readonly consecutiveFailures: number;
  /** The time that rates are made over, in ms; each such time without an ejection shortens the next one again. */
  readonly intervalMs: number;
  /** First ejection's length, in ms; each further one is longer by as much, up to the maximum. */
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  /** Largest share of the cluster's endpoints that may be ejected at a time, 0 to 1; above 0 one may, and never the last one. */
  readonly maxEjectionShare: number;
  /** Success rate below mean - factor × standard deviation; 0 is off. */
  readonly successRateStdevFactor: number;
  readonly successRateMinHosts: number;
  readonly successRateMinRequests: number;
  /** Failed share of requests from which an endpoint is ejected while the others fail less than half as much, 0 to 1; 0 is off. */
  readonly failureShare: number;
  readonly failureMinHosts: number;
  readonly failureMinRequests: number;
}

/** What `outlierDetection: {}` switches on. */
export const OUTLIER_DETECTION_DEFAULTS: OutlierDetection = {
  consecutiveFailures: 5,
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectionShare: 0.5,
  successRateStdevFactor: 1.9,
  successRateMinHosts: 5,
  successRateMinRequests: 100,
  failureShare: 0.5,
  failureMinHosts: 2,
  failureMinRequests: 20,
};
