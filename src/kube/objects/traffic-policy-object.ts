import type { KubeObject } from "../kube-object.ts";
import type { RawObject } from "../raw-object.ts";
import { keptMetadata } from "../raw-object.ts";
import type { ResourceKind } from "../resource-kind.ts";
import type { Condition } from "./condition.ts";

/** A TrafficPolicy of ours: which Services it is for, and what it says, unread. */
export interface TrafficPolicyObject extends KubeObject {
  readonly generation: number;
  /** RFC 3339; of two policies for one Service the older one counts. */
  readonly createdAt: string;
  /** Names of Services in its namespace. */
  readonly services: readonly string[];
  /** The same as it stands in the object. */
  readonly targetRefs: readonly object[];
  /** What it says, without its targets. */
  readonly spec: Readonly<Record<string, unknown>>;
  readonly conditions: readonly Condition[];
}

interface RawSpec {
  readonly targetRefs?: readonly { readonly kind?: string; readonly name?: string }[];
}

/** TrafficPolicies: what is done with requests for some Services. */
export const TRAFFIC_POLICIES: ResourceKind<TrafficPolicyObject> = {
  group: "isobar.dev",
  version: "v1alpha1",
  kind: "TrafficPolicy",
  plural: "trafficpolicies",
  optional: true,
  metadataOnly: false,
  pageSize: 500,
  decode(raw: RawObject): TrafficPolicyObject {
    const { targetRefs = [], ...spec } = (raw.spec ?? {}) as RawSpec;
    return {
      ...keptMetadata(raw),
      generation: raw.metadata?.generation ?? 0,
      createdAt: raw.metadata?.creationTimestamp ?? "",
      services: targetRefs.map(({ name = "" }) => name),
      targetRefs,
      spec,
      conditions: ((raw.status ?? {}) as { readonly conditions?: readonly Condition[] }).conditions ?? [],
    };
  },
  // Our own writing of the status is no news.
  isSame: (one, other) => one.uid === other.uid && one.generation === other.generation,
};
