import type { ClusterSettings } from "../../../src/resource/cluster-settings.ts";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import type { HedgingPolicy, RetryPolicy } from "../../../src/resource/retry-policy.ts";

/** @returns retries with short waits and the default reasons, changed. */
export function retriesOf(changes: Partial<RetryPolicy> = {}): RetryPolicy {
  return {
    attempts: 3,
    perTryTimeoutMs: 0,
    retryOn: ["connect-failure", "refused-stream", "unavailable"],
    backoffBaseMs: 2,
    backoffMaxMs: 8,
    ...changes,
  };
}

/** @returns settings of a cluster with such retries, and endpoints picked in turn. */
export function retrying(
  changes: Partial<RetryPolicy> = {},
  others: Partial<Omit<ClusterSettings, "loadBalancing">> = {},
): ClusterSettings {
  return clusterSettings({
    loadBalancing: { policy: "round_robin" },
    retries: retriesOf(changes),
    ...others,
  });
}

/** @returns settings of a cluster whose every method is hedged. */
export function hedging(
  changes: Partial<HedgingPolicy> = {},
  others: Partial<Omit<ClusterSettings, "loadBalancing">> = {},
): ClusterSettings {
  return clusterSettings({
    loadBalancing: { policy: "round_robin" },
    hedging: { methods: ["/test.Echo/*"], attempts: 2, delayMs: 30, ...changes },
    ...others,
  });
}
