import type { NewCondition } from "../kube/objects/condition.ts";
import type { ServiceObject } from "../kube/objects/service-object.ts";
import { DEFAULT_AFFINITY_SECONDS } from "../kube/objects/service-object.ts";

/** Condition of Services with `sessionAffinity: ClientIP` that want it to end after another time than by default. */
export const AFFINITY_CONDITION = "isobar.dev/SessionAffinityTimeoutUsed";

/**
 * Affinity is a hash of the caller's address: nothing is remembered of a caller, so nothing of it can be forgotten after a time. Every node, every replica and every restart leads an
 * address to the same endpoint because of that, which tables of callers could not do. Who has set a time is told.
 *
 * @returns what there is to say of `sessionAffinityConfig.clientIP.timeoutSeconds`; undefined where it says what it says by default.
 */
export function affinityCondition(service: ServiceObject): NewCondition | undefined {
  const { affinitySeconds, conditions, generation } = service;
  const isUsual = affinitySeconds === 0 || affinitySeconds === DEFAULT_AFFINITY_SECONDS;
  if (isUsual && !conditions.some(({ type }) => type === AFFINITY_CONDITION)) return undefined;
  return {
    type: AFFINITY_CONDITION,
    status: isUsual ? "True" : "False",
    reason: isUsual ? "Default" : "Hashed",
    message: isUsual
      ? "nothing else is wanted"
      : `spec.sessionAffinityConfig.clientIP.timeoutSeconds: found ${affinitySeconds}, wanted ${DEFAULT_AFFINITY_SECONDS} or nothing: callers are led by a hash of their address, which does not end; the same address has the same endpoint for as long as that is there`,
    observedGeneration: generation,
  };
}
