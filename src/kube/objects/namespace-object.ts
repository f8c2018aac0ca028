import type { KubeObject } from "../kube-object.ts";
import type { RawObject } from "../raw-object.ts";
import { keptMetadata } from "../raw-object.ts";
import type { ResourceKind } from "../resource-kind.ts";
import { ownAnnotations } from "./own-annotations.ts";

/** What is kept of a Namespace: what it says for all its Services. */
export interface NamespaceObject extends KubeObject {
  readonly annotations: Readonly<Record<string, string>>;
}

/** Namespaces, by their annotations. */
export const NAMESPACES: ResourceKind<NamespaceObject> = {
  group: "",
  version: "v1",
  kind: "Namespace",
  plural: "namespaces",
  optional: false,
  metadataOnly: true,
  pageSize: 500,
  decode(raw: RawObject): NamespaceObject {
    return { ...keptMetadata(raw), annotations: ownAnnotations(raw) };
  },
  isSame: (one, other) => one.uid === other.uid && one.annotations === other.annotations,
};
