import type { ObjectStore } from "../kube/object-store.ts";
import type { EndpointSliceObject } from "../kube/objects/endpoint-slice-object.ts";
import type { GrpcRouteObject } from "../kube/objects/grpc-route-object.ts";
import type { NamespaceObject } from "../kube/objects/namespace-object.ts";
import type { NetworkPolicyObject } from "../kube/objects/network-policy-object.ts";
import type { NodeObject } from "../kube/objects/node-object.ts";
import type { PodObject } from "../kube/objects/pod-object.ts";
import type { ReferenceGrantObject } from "../kube/objects/reference-grant-object.ts";
import type { ServiceObject } from "../kube/objects/service-object.ts";
import type { TrafficPolicyObject } from "../kube/objects/traffic-policy-object.ts";

/** Everything that is known of a cluster, as its API server last told it. */
export interface ClusterObjects {
  readonly namespaces: ObjectStore<NamespaceObject>;
  readonly nodes: ObjectStore<NodeObject>;
  readonly services: ObjectStore<ServiceObject>;
  readonly slices: ObjectStore<EndpointSliceObject>;
  readonly pods: ObjectStore<PodObject>;
  readonly policies: ObjectStore<TrafficPolicyObject>;
  readonly routes: ObjectStore<GrpcRouteObject>;
  readonly grants: ObjectStore<ReferenceGrantObject>;
  /** Who may connect to whom. */
  readonly networkPolicies: ObjectStore<NetworkPolicyObject>;
}
