import type { Cluster } from "../resource/cluster.ts";
import type { ClusterSettings } from "../resource/cluster-settings.ts";
import type { LoadBalancing } from "../resource/load-balancing.ts";
import type { ServiceObjectives } from "../resource/service-objectives.ts";

/** What one place (the Service itself, annotations, a policy) says about a service; what is absent it leaves to the others. */
export interface ServiceOverrides {
  /** Merged key by key: `locality` of one place and `slowStart` of another go together. */
  readonly loadBalancing?: Partial<LoadBalancing>;
  readonly settings?: Partial<Omit<ClusterSettings, "loadBalancing">>;
  readonly cluster?: Partial<Omit<Cluster, "name" | "endpoints" | "settings" | "tlsIdentity">>;
  /** Labels of Pods that their endpoints get, for routes that restrict requests by them. */
  readonly endpointLabels?: readonly string[];
  /** The Pod label that holds an endpoint's weight; "" for none. */
  readonly weightLabel?: string;
  /** What the service promises. */
  readonly slo?: ServiceObjectives;
}

/** @returns all of them in one; where two say the same thing the later one counts. */
export function mergeOverrides(...all: readonly ServiceOverrides[]): ServiceOverrides {
  let merged: ServiceOverrides = {};
  for (const each of all) {
    merged = {
      ...merged,
      ...each,
      loadBalancing: { ...merged.loadBalancing, ...each.loadBalancing },
      settings: { ...merged.settings, ...each.settings },
      cluster: { ...merged.cluster, ...each.cluster },
    };
  }
  return merged;
}
