import type { KubeObject } from "../kube-object.ts";
import type { RawObject } from "../raw-object.ts";
import { keptMetadata } from "../raw-object.ts";
import type { ResourceKind } from "../resource-kind.ts";
import type { Condition } from "./condition.ts";

/** A reference to an object, as the Gateway API writes it. Source: Gateway API, ParentReference and BackendObjectReference. */
export interface RouteReference {
  /** Default: the Gateway API's group for parents, the core group for backends. */
  readonly group?: string;
  /** Default: `Gateway` for parents, `Service` for backends. */
  readonly kind?: string;
  /** Default: the route's. */
  readonly namespace?: string;
  readonly name: string;
  readonly port?: number;
  readonly sectionName?: string;
}

/** Changes of headers. Source: Gateway API, HTTPHeaderFilter. */
export interface RouteHeaderFilter {
  readonly set?: readonly { readonly name: string; readonly value: string }[];
  readonly add?: readonly { readonly name: string; readonly value: string }[];
  readonly remove?: readonly string[];
}

/** What is done with requests of a rule. Source: Gateway API, GRPCRouteFilter. */
export interface RouteFilter {
  readonly type: string;
  readonly requestHeaderModifier?: RouteHeaderFilter;
  readonly responseHeaderModifier?: RouteHeaderFilter;
  readonly requestMirror?: {
    readonly backendRef: RouteReference;
    readonly percent?: number;
    readonly fraction?: { readonly numerator: number; readonly denominator?: number };
  };
}

/** Which requests are meant. Source: Gateway API, GRPCRouteMatch. */
export interface RouteRuleMatch {
  readonly method?: { readonly type?: string; readonly service?: string; readonly method?: string };
  readonly headers?: readonly { readonly type?: string; readonly name: string; readonly value: string }[];
}

/** Some requests and where they go. Source: Gateway API, GRPCRouteRule. */
export interface RouteRule {
  readonly name?: string;
  readonly matches?: readonly RouteRuleMatch[];
  readonly filters?: readonly RouteFilter[];
  readonly backendRefs?: readonly (RouteReference & {
    readonly weight?: number;
    readonly filters?: readonly RouteFilter[];
  })[];
  readonly sessionPersistence?: unknown;
}

/** What a controller says of a route on behalf of one parent. Source: Gateway API, RouteParentStatus. */
export interface RouteParentStatus {
  readonly parentRef: RouteReference;
  readonly controllerName: string;
  readonly conditions?: readonly Condition[];
}

/** What is kept of a GRPCRoute. */
export interface GrpcRouteObject extends KubeObject {
  readonly generation: number;
  /** RFC 3339; older routes come first. */
  readonly createdAt: string;
  readonly parents: readonly RouteReference[];
  readonly rules: readonly RouteRule[];
  /** What all controllers say of it. */
  readonly parentStatuses: readonly RouteParentStatus[];
}

/** GRPCRoutes of the Gateway API. */
export const GRPC_ROUTES: ResourceKind<GrpcRouteObject> = {
  group: "gateway.networking.k8s.io",
  version: "v1",
  kind: "GRPCRoute",
  plural: "grpcroutes",
  optional: true,
  metadataOnly: false,
  pageSize: 500,
  decode(raw: RawObject): GrpcRouteObject {
    const spec = (raw.spec ?? {}) as {
      readonly parentRefs?: readonly RouteReference[];
      readonly rules?: readonly RouteRule[];
    };
    const status = (raw.status ?? {}) as { readonly parents?: readonly RouteParentStatus[] };
    return {
      ...keptMetadata(raw),
      generation: raw.metadata?.generation ?? 0,
      createdAt: raw.metadata?.creationTimestamp ?? "",
      parents: spec.parentRefs ?? [],
      rules: spec.rules ?? [],
      parentStatuses: status.parents ?? [],
    };
  },
  // Statuses are written by every controller there is; what a route says only changes with its generation.
  isSame: (one, other) => one.uid === other.uid && one.generation === other.generation,
};
