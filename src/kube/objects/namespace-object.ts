import type { KubeObject } from "../kube-object.ts";
import type { RawObject } from "../raw-object.ts";
import { keptMetadata } from "../raw-object.ts";
import type { ResourceKind } from "../resource-kind.ts";
import { shareLabels } from "../share-text.ts";
import type { Mesh } from "./mesh-of.ts";
import { meshOf } from "./mesh-of.ts";
import { ownAnnotations } from "./own-annotations.ts";

/** What is kept of a Namespace: what it says for all its Services and Pods, and what is said of it. */
export interface NamespaceObject extends KubeObject {
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** The mesh that all its Pods are a part of which do not say otherwise. */
  readonly mesh: Mesh;
}

/** Namespaces, by their metadata. */
export const NAMESPACES: ResourceKind<NamespaceObject> = {
  group: "",
  version: "v1",
  kind: "Namespace",
  plural: "namespaces",
  optional: false,
  metadataOnly: true,
  pageSize: 500,
  decode(raw: RawObject): NamespaceObject {
    return {
      ...keptMetadata(raw),
      annotations: ownAnnotations(raw),
      labels: shareLabels(raw.metadata?.labels),
      mesh: meshOf(raw),
    };
  },
  isSame: (one, other) =>
    one.uid === other.uid && one.annotations === other.annotations && one.labels === other.labels,
};
