import type { KubeObject } from "../kube-object.ts";
import type { RawObject } from "../raw-object.ts";
import { keptMetadata } from "../raw-object.ts";
import type { ResourceKind } from "../resource-kind.ts";

/** What is kept of a ReferenceGrant: which namespaces' routes may send to which Services of its own. */
export interface ReferenceGrantObject extends KubeObject {
  readonly from: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
  /** Without a name: all of the kind. */
  readonly to: readonly { readonly group: string; readonly kind: string; readonly name?: string }[];
}

/** ReferenceGrants of the Gateway API. */
export const REFERENCE_GRANTS: ResourceKind<ReferenceGrantObject> = {
  group: "gateway.networking.k8s.io",
  version: "v1beta1",
  kind: "ReferenceGrant",
  plural: "referencegrants",
  optional: true,
  metadataOnly: false,
  pageSize: 500,
  decode(raw: RawObject): ReferenceGrantObject {
    const { from = [], to = [] } = (raw.spec ?? {}) as Partial<ReferenceGrantObject>;
    return { ...keptMetadata(raw), from, to };
  },
};
