import type { CircuitLimits } from "../../resource/cluster-settings.ts";
import type { HealthCheck } from "../../resource/health-check.ts";
import { HEALTH_CHECK_DEFAULTS } from "../../resource/health-check.ts";
import type { OutlierDetection } from "../../resource/outlier-detection.ts";
import { OUTLIER_DETECTION_DEFAULTS } from "../../resource/outlier-detection.ts";
import type { CircuitBreakers } from "../generated/envoy/config/cluster/v3/circuit_breaker_pb.js";
import type { OutlierDetection as OutlierMessage } from "../generated/envoy/config/cluster/v3/outlier_detection_pb.js";
import { RoutingPriority } from "../generated/envoy/config/core/v3/base_pb.js";
import type { HealthCheck as HealthCheckMessage } from "../generated/envoy/config/core/v3/health_check_pb.js";
import { decodeDuration } from "./decode-duration.ts";
import { ResourceProblem } from "./resource-problem.ts";

/** Envoy's, where the control plane switches outlier detection on and says no more. Source: Envoy, OutlierDetection. */
const STANDARD = {
  consecutive5xx: 5,
  maxEjectionPercent: 10,
  successRateStdevFactor: 1900,
  failurePercentageThreshold: 85,
  failurePercentageRequestVolume: 50,
};

/** What is enforced with no chance at all is off. */
function isOn(enforcing: number | undefined, standard: number): boolean {
  return (enforcing ?? standard) > 0;
}

/** @returns how endpoints are ejected; null where nothing is said. */
export function decodeOutlierDetection(message: OutlierMessage | undefined): OutlierDetection | null {
  if (message === undefined) return null;
  const base = OUTLIER_DETECTION_DEFAULTS;
  const consecutive = isOn(message.enforcingConsecutive5xx, 100)
    ? (message.consecutive5xx ?? STANDARD.consecutive5xx)
    : 0;
  const stdev = isOn(message.enforcingSuccessRate, 100)
    ? (message.successRateStdevFactor ?? STANDARD.successRateStdevFactor) / 1000
    : 0;
  const share = isOn(message.enforcingFailurePercentage, 0)
    ? (message.failurePercentageThreshold ?? STANDARD.failurePercentageThreshold) / 100
    : 0;
  const baseEjectionMs = decodeDuration(message.baseEjectionTime, base.baseEjectionMs);
  return {
    consecutiveFailures: consecutive,
    intervalMs: Math.max(100, decodeDuration(message.interval, base.intervalMs)),
    baseEjectionMs,
    maxEjectionMs: Math.max(baseEjectionMs, decodeDuration(message.maxEjectionTime, base.maxEjectionMs)),
    maxEjectionShare: Math.min(1, (message.maxEjectionPercent ?? STANDARD.maxEjectionPercent) / 100),
    successRateStdevFactor: stdev,
    successRateMinHosts: message.successRateMinimumHosts ?? base.successRateMinHosts,
    successRateMinRequests: message.successRateRequestVolume ?? base.successRateMinRequests,
    failureShare: Math.min(1, share),
    failureMinHosts: message.failurePercentageMinimumHosts ?? base.successRateMinHosts,
    failureMinRequests: message.failurePercentageRequestVolume ?? STANDARD.failurePercentageRequestVolume,
  };
}

/** @returns the first health check, of which we have one per cluster; null for none. */
export function decodeHealthCheck(messages: readonly HealthCheckMessage[]): HealthCheck | null {
  const [message] = messages;
  if (message === undefined) return null;
  const { healthChecker: checker } = message;
  const probe: HealthCheck["probe"] | undefined =
    checker.case === "grpcHealthCheck"
      ? { kind: "grpc", service: checker.value.serviceName }
      : checker.case === "httpHealthCheck"
        ? { kind: "http", path: checker.value.path, port: message.altPort ?? 0 }
        : checker.case === "tcpHealthCheck"
          ? { kind: "tcp" }
          : undefined;
  if (probe === undefined) {
    throw new ResourceProblem("health_checks[0]", "no checker that is known", "grpc, http or tcp");
  }
  const base = HEALTH_CHECK_DEFAULTS;
  return {
    probe,
    intervalMs: Math.max(100, decodeDuration(message.interval, base.intervalMs)),
    timeoutMs: Math.max(1, decodeDuration(message.timeout, base.timeoutMs)),
    unhealthyThreshold: Math.max(1, message.unhealthyThreshold ?? base.unhealthyThreshold),
    healthyThreshold: Math.max(1, message.healthyThreshold ?? base.healthyThreshold),
  };
}

/** Limits of the DEFAULT priority; 0 is none, which is also what is not said. */
export function decodeCircuit(
  breakers: CircuitBreakers | undefined,
  maxRequestsPerConnection: number | undefined,
): { readonly circuit: CircuitLimits; readonly maxPendingStreams: number | undefined } {
  const isDefault = ({ priority }: { readonly priority: RoutingPriority }): boolean =>
    priority === RoutingPriority.DEFAULT;
  const limits = breakers?.thresholds.find(isDefault);
  const perHost = breakers?.perHostThresholds.find(isDefault);
  return {
    circuit: {
      maxRequestsPerEndpoint: perHost?.maxRequests ?? 0,
      maxRequests: limits?.maxRequests ?? 0,
      maxRequestsPerConnection: maxRequestsPerConnection ?? 0,
    },
    maxPendingStreams: limits?.maxPendingRequests,
  };
}
