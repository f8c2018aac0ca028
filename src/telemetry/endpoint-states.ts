import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { HEALTH_CODE } from "../resource/endpoint.ts";
import type { EndpointCounters } from "./endpoint-counters.ts";

/** Values of the `state` label of isobar_endpoints. */
export const ENDPOINT_STATES = ["healthy", "unhealthy", "draining", "set_aside"] as const;

const SET_ASIDE = 3;

/** Counts a cluster's endpoints by state, in the order of {@link ENDPOINT_STATES}; each has exactly one. */
export function countEndpointStates(
  snapshot: ClusterSnapshot,
  counters: EndpointCounters,
  into: Float64Array,
): void {
  into.fill(0);
  for (let i = 0; i < snapshot.count; i++) {
    const health = snapshot.healthAt(i);
    const isAside = health === HEALTH_CODE.healthy && counters.isSetAside(snapshot.slotAt(i));
    into[isAside ? SET_ASIDE : health]!++;
  }
}

/** Counts the endpoints that are set aside by reason, in the order of SET_ASIDE_REASONS; one may have several. */
export function countSetAside(
  snapshot: ClusterSnapshot,
  counters: EndpointCounters,
  into: Float64Array,
): void {
  into.fill(0);
  for (let i = 0; i < snapshot.count; i++) {
    const reasons = counters.asideReasons(snapshot.slotAt(i));
    for (let bit = 0; bit < into.length; bit++) if (reasons & (1 << bit)) into[bit]!++;
  }
}
