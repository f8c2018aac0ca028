import type { ClusterConfig } from "../config/config.ts";
import { durationMs } from "../config/duration-ms.ts";
import { CLUSTER_DEFAULTS } from "../resource/cluster.ts";
import type { ClusterSettings } from "../resource/cluster-settings.ts";
import type { HealthCheck, HealthProbe } from "../resource/health-check.ts";
import type { HashKey, LoadBalancing, LoadBalancingPolicy } from "../resource/load-balancing.ts";
import type { RetryOn, RetryPolicy } from "../resource/retry-policy.ts";
import { RETRY_DEFAULTS } from "../resource/retry-policy.ts";

/** @returns what a cluster of the configuration does beyond naming its endpoints. */
export function settingsFromConfig(config: ClusterConfig): ClusterSettings {
  const { retries, hedging, timeouts, connectionPool, outlierDetection } = config;
  const { http } = connectionPool;
  return {
    loadBalancing: loadBalancingFromConfig(config.loadBalancer),
    outlierDetection: outlierDetection ?? null,
    healthCheck: healthCheck(config),
    retries: retries === undefined ? null : retryPolicyFromConfig(retries),
    hedging:
      hedging === undefined
        ? null
        : { methods: hedging.methods, attempts: hedging.attempts, delayMs: durationMs(hedging.delay) },
    retryBudget: retries?.budget ?? RETRY_DEFAULTS.budget,
    timeouts: { requestMs: optionalMs(timeouts.request), idleMs: optionalMs(timeouts.idle) },
    circuit: {
      maxRequestsPerEndpoint: http.maxRequestsPerEndpoint,
      maxRequests: http.maxRequests,
      maxRequestsPerConnection: http.maxRequestsPerConnection,
    },
    access: null,
  };
}

/** @returns how requests that failed are tried again. */
export function retryPolicyFromConfig(
  retries: Omit<NonNullable<ClusterConfig["retries"]>, "budget">,
): RetryPolicy {
  return {
    attempts: retries.attempts,
    perTryTimeoutMs: optionalMs(retries.perTryTimeout),
    retryOn: retries.retryOn.split(",").map((word) => word.trim() as RetryOn),
    backoffBaseMs: durationMs(retries.backoffBase),
    backoffMaxMs: durationMs(retries.backoffMax),
  };
}

/** Keys that say the same in two places; cross-check.ts refuses them where they differ. */
export function poolFromConfig({
  connectTimeoutMs,
  maxConnectionsPerEndpoint,
  h2UpgradePolicy,
  ...config
}: ClusterConfig) {
  const { tcp, http } = config.connectionPool;
  const connect = tcp.connectTimeout ?? config.timeouts.connect;
  return {
    connectTimeoutMs:
      connect === undefined ? (connectTimeoutMs ?? CLUSTER_DEFAULTS.connectTimeoutMs) : durationMs(connect),
    maxConnectionsPerEndpoint:
      tcp.maxConnections ?? maxConnectionsPerEndpoint ?? CLUSTER_DEFAULTS.maxConnectionsPerEndpoint,
    h2UpgradePolicy: http.h2UpgradePolicy ?? h2UpgradePolicy ?? CLUSTER_DEFAULTS.h2UpgradePolicy,
  };
}

/** @returns how endpoints are picked, with all durations in ms. */
export function loadBalancingFromConfig(loadBalancer: ClusterConfig["loadBalancer"]): LoadBalancing {
  const { policy, locality, slowStart, hash, resourceWeight, ...same } = loadBalancer;
  const { distribution } = locality;
  return {
    ...same,
    policy: policy as LoadBalancingPolicy,
    locality: { ...locality, distribution: distribution === "PreferClose" ? "PreferSameZone" : distribution },
    slowStart: slowStart ?? null,
    hash: { ...hash, keys: hash.keys.map(hashKey) },
    resourceWeight: resourceWeight ?? null,
  };
}

function hashKey(key: ClusterConfig["loadBalancer"]["hash"]["keys"][number]): HashKey {
  if (key.header !== undefined) return { kind: "header", name: key.header };
  if (key.cookie !== undefined) return { kind: "cookie", name: key.cookie };
  return key.method === true ? { kind: "method" } : { kind: "source" };
}

function healthCheck({ healthCheck: check }: ClusterConfig): HealthCheck | null {
  if (check === undefined) return null;
  const { httpGet, grpc } = check;
  const probe: HealthProbe =
    httpGet !== undefined
      ? { kind: "http", path: httpGet.path, port: httpGet.port ?? 0 }
      : grpc !== undefined
        ? { kind: "grpc", service: grpc.service }
        : { kind: "tcp" };
  return {
    probe,
    intervalMs: check.intervalSeconds * 1_000,
    timeoutMs: check.timeoutSeconds * 1_000,
    unhealthyThreshold: check.unhealthyThreshold,
    healthyThreshold: check.healthyThreshold,
  };
}

function optionalMs(text: string | undefined): number {
  return text === undefined ? 0 : durationMs(text);
}
