import type { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import { HEALTH_CHECK_DEFAULTS } from "../../../src/resource/health-check.ts";
import type { LoadBalancing } from "../../../src/resource/load-balancing.ts";
import { LOAD_BALANCING_DEFAULTS, LOAD_BALANCING_POLICIES } from "../../../src/resource/load-balancing.ts";
import { OUTLIER_DETECTION_DEFAULTS } from "../../../src/resource/outlier-detection.ts";
import { RETRY_DEFAULTS, RETRY_ON } from "../../../src/resource/retry-policy.ts";

type Settings = Parameters<typeof clusterSettings>[0];

const hash = {
  ...LOAD_BALANCING_DEFAULTS.hash,
  keys: [{ kind: "header", name: "x-user" }, { kind: "source" }],
  balanceFactor: 125,
} as const;

/** Settings that use everything a cluster can have, by a name for each: what every kind of client has to accept. */
export const EVERY_POLICY: Readonly<Record<string, Settings>> = {
  ...Object.fromEntries(
    LOAD_BALANCING_POLICIES.map((policy): [string, Settings] => [
      policy.replaceAll("_", "-"),
      { loadBalancing: { policy, hash } },
    ]),
  ),
  utilization: { loadBalancing: { metric: "utilization" } },
  "slow-start": {
    loadBalancing: { policy: "round_robin", slowStart: { windowMs: 10_000, aggression: 1, minShare: 0.1 } },
  } satisfies { readonly loadBalancing: Partial<LoadBalancing> },
  everything: {
    outlierDetection: OUTLIER_DETECTION_DEFAULTS,
    healthCheck: { probe: { kind: "tcp" }, ...HEALTH_CHECK_DEFAULTS },
    retries: {
      attempts: 3,
      perTryTimeoutMs: 5_000,
      retryOn: RETRY_ON,
      backoffBaseMs: RETRY_DEFAULTS.backoffBaseMs,
      backoffMaxMs: RETRY_DEFAULTS.backoffMaxMs,
    },
    timeouts: { requestMs: 60_000, idleMs: 30_000 },
    circuit: { maxRequestsPerEndpoint: 100, maxRequests: 1_000, maxRequestsPerConnection: 1_000_000 },
  },
};
