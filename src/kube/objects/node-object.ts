import type { KubeObject } from "../kube-object.ts";
import type { RawObject } from "../raw-object.ts";
import { keptMetadata } from "../raw-object.ts";
import type { ResourceKind } from "../resource-kind.ts";
import { shareText } from "../share-text.ts";

/** What is kept of a Node: where it is. */
export interface NodeObject extends KubeObject {
  /** "" when not known. */
  readonly zone: string;
  readonly region: string;
}

/** Nodes, by their labels. Source: Kubernetes, well-known labels. */
export const NODES: ResourceKind<NodeObject> = {
  group: "",
  version: "v1",
  kind: "Node",
  plural: "nodes",
  optional: false,
  metadataOnly: true,
  pageSize: 500,
  decode(raw: RawObject): NodeObject {
    const labels = raw.metadata?.labels ?? {};
    return {
      ...keptMetadata(raw),
      zone: shareText(labels["topology.kubernetes.io/zone"] ?? ""),
      region: shareText(labels["topology.kubernetes.io/region"] ?? ""),
    };
  },
  isSame: (one, other) => one.zone === other.zone && one.region === other.region,
};
