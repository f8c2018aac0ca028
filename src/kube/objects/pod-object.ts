import type { KubeObject } from "../kube-object.ts";
import type { RawObject } from "../raw-object.ts";
import { keptMetadata } from "../raw-object.ts";
import type { ResourceKind } from "../resource-kind.ts";
import { shareLabels } from "../share-text.ts";
import type { Mesh } from "./mesh-of.ts";
import { meshOf } from "./mesh-of.ts";

/** What is kept of a Pod: what its labels say about it as an endpoint. Addresses, nodes and readiness come with EndpointSlices. */
export interface PodObject extends KubeObject {
  readonly labels: Readonly<Record<string, string>>;
  /** It is being deleted. */
  readonly isLeaving: boolean;
  readonly mesh: Mesh;
}

/** Pods, by their metadata. */
export const PODS: ResourceKind<PodObject> = {
  group: "",
  version: "v1",
  kind: "Pod",
  plural: "pods",
  optional: false,
  metadataOnly: true,
  pageSize: 500,
  decode(raw: RawObject): PodObject {
    return {
      ...keptMetadata(raw),
      labels: shareLabels(raw.metadata?.labels),
      isLeaving: raw.metadata?.deletionTimestamp !== undefined,
      mesh: meshOf(raw),
    };
  },
  // Kubelets write a pod's status often; that is nothing to us.
  isSame: (one, other) =>
    one.uid === other.uid &&
    one.labels === other.labels &&
    one.isLeaving === other.isLeaving &&
    one.mesh === other.mesh,
};
