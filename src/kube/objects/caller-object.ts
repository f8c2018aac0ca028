import type { KubeObject } from "../kube-object.ts";
import type { RawObject } from "../raw-object.ts";
import { keptMetadata } from "../raw-object.ts";
import type { ResourceKind } from "../resource-kind.ts";
import { ownAnnotations } from "./own-annotations.ts";

/** What is kept of a Pod as one that calls: whether its calls are to go through the proxy of its node. */
export interface CallerObject extends KubeObject {
  /** Its own annotations of ours, without their prefix. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** Pods as callers, by their metadata. They are asked for node by node. */
export const CALLERS: ResourceKind<CallerObject> = {
  group: "",
  version: "v1",
  kind: "Pod",
  plural: "pods",
  optional: false,
  metadataOnly: true,
  pageSize: 500,
  decode(raw: RawObject): CallerObject {
    return { ...keptMetadata(raw), annotations: ownAnnotations(raw) };
  },
  isSame: (one, other) => one.uid === other.uid && one.annotations === other.annotations,
};
