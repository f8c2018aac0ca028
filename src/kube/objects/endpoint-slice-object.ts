import type { KubeObject } from "../kube-object.ts";
import type { RawObject } from "../raw-object.ts";
import { keptMetadata } from "../raw-object.ts";
import type { ResourceKind } from "../resource-kind.ts";
import { shareText } from "../share-text.ts";

/** Whether an endpoint takes requests: yes; it is leaving, but still serves; no. */
export type Readiness = "ready" | "leaving" | "not";

/** An endpoint of a slice. */
export interface SliceEndpoint {
  /** The first of its addresses; the others are the same endpoint by definition. */
  readonly address: string;
  readonly readiness: Readiness;
  /** UID of what is behind it, mostly a Pod; "" when not said. */
  readonly uid: string;
  /** The Pod's name, in the slice's namespace; "" if it is none. */
  readonly pod: string;
  readonly node: string;
  readonly zone: string;
}

/** A port that every endpoint of a slice has. */
export interface SlicePort {
  /** The Service's name for it. */
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly appProtocol: string;
}

/** What is kept of an EndpointSlice. Source: Kubernetes API, discovery/v1. */
export interface EndpointSliceObject extends KubeObject {
  /** The Service it belongs to, in its namespace; "" for none. */
  readonly service: string;
  /** `IPv4`, `IPv6` or `FQDN`. */
  readonly addressType: string;
  readonly ports: readonly SlicePort[];
  readonly endpoints: readonly SliceEndpoint[];
}

interface RawEndpoint {
  readonly addresses?: readonly string[];
  readonly conditions?: {
    readonly ready?: boolean;
    readonly serving?: boolean;
    readonly terminating?: boolean;
  };
  readonly targetRef?: { readonly kind?: string; readonly name?: string; readonly uid?: string };
  readonly nodeName?: string;
  readonly zone?: string;
}

interface RawSlice extends RawObject {
  readonly addressType?: string;
  readonly ports?: readonly { name?: string; port?: number; protocol?: string; appProtocol?: string }[];
  readonly endpoints?: readonly RawEndpoint[];
}

/** EndpointSlices: which addresses serve a Service. */
export const ENDPOINT_SLICES: ResourceKind<EndpointSliceObject> = {
  group: "discovery.k8s.io",
  version: "v1",
  kind: "EndpointSlice",
  plural: "endpointslices",
  optional: false,
  metadataOnly: false,
  pageSize: 200,
  decode(raw: RawObject): EndpointSliceObject {
    const slice = raw as RawSlice;
    return {
      ...keptMetadata(raw),
      service: raw.metadata?.labels?.["kubernetes.io/service-name"] ?? "",
      addressType: shareText(slice.addressType ?? ""),
      ports: (slice.ports ?? []).map((port) => ({
        name: shareText(port.name ?? ""),
        port: port.port ?? 0,
        protocol: shareText(port.protocol ?? "TCP"),
        appProtocol: shareText(port.appProtocol ?? ""),
      })),
      endpoints: (slice.endpoints ?? []).map(sliceEndpoint),
    };
  },
};

function sliceEndpoint(raw: RawEndpoint): SliceEndpoint {
  const { targetRef = {} } = raw;
  return {
    address: raw.addresses?.[0] ?? "",
    readiness: readinessOf(raw.conditions ?? {}),
    uid: targetRef.uid ?? "",
    pod: targetRef.kind === "Pod" ? (targetRef.name ?? "") : "",
    node: shareText(raw.nodeName ?? ""),
    zone: shareText(raw.zone ?? ""),
  };
}

/** What is not said counts as ready; serving is readiness without regard to leaving. Source: discovery/v1 EndpointConditions. */
function readinessOf(conditions: NonNullable<RawEndpoint["conditions"]>): Readiness {
  const ready = conditions.ready ?? true;
  if (ready) return "ready";
  const serving = conditions.serving ?? ready;
  return serving && conditions.terminating === true ? "leaving" : "not";
}
