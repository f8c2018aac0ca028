import { CLUSTER_DEFAULTS } from "../resource/cluster.ts";
import type { ServiceModel } from "../resource/service.ts";
import { UNRESOLVED_CLUSTER } from "./resolve-backend.ts";

/** @returns a service that nobody calls and nobody serves: where routes send what must fail with UNAVAILABLE. */
export function unresolvedService(): ServiceModel {
  return {
    name: UNRESOLVED_CLUSTER,
    authorities: [UNRESOLVED_CLUSTER],
    cluster: { ...CLUSTER_DEFAULTS, name: UNRESOLVED_CLUSTER, endpoints: [] },
    routes: [],
  };
}
