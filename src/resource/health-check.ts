/** How an endpoint's health is asked for. */
export type HealthProbe =
  | { readonly kind: "grpc" /** "" asks for the server as a whole. */; readonly service: string }
  | { readonly kind: "http"; readonly path: string /** 0 for the endpoint's own. */; readonly port: number }
  | { readonly kind: "tcp" };

/** Active health checks of a cluster's endpoints. */
export interface HealthCheck {
  readonly probe: HealthProbe;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Answers in a row that change the verdict. */
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
}

/** What applies where a cluster's source says nothing. */
export const HEALTH_CHECK_DEFAULTS = {
  intervalMs: 10_000,
  timeoutMs: 5_000,
  unhealthyThreshold: 3,
  healthyThreshold: 2,
} as const;

/** What a check comes to: a good answer, a bad one, none in time, or no connection. */
export const HEALTH_CHECK_RESULTS = ["success", "failure", "timeout", "network"] as const;

/** One of {@link HEALTH_CHECK_RESULTS}. */
export type HealthCheckResult = (typeof HEALTH_CHECK_RESULTS)[number];
