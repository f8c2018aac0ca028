/** Type URLs of the resources that are asked for and served. Source: the xDS protocol, "Resource Types". */
export const TYPE_URL = {
  listener: "type.googleapis.com/envoy.config.listener.v3.Listener",
  routeConfiguration: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  cluster: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  loadAssignment: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
} as const;

/** Type URLs of resources of our own: small ones that change often or differ per node. Only proxies of ours ask for them. */
export const OWN_TYPE_URL = {
  nodeView: "type.googleapis.com/isobar.v1.NodeView",
  serviceView: "type.googleapis.com/isobar.v1.ServiceView",
  replicaLoads: "type.googleapis.com/isobar.v1.ReplicaLoads",
  callerView: "type.googleapis.com/isobar.v1.CallerView",
  captureView: "type.googleapis.com/isobar.v1.CaptureView",
} as const;

/** One of {@link TYPE_URL}. */
export type StandardTypeUrl = (typeof TYPE_URL)[keyof typeof TYPE_URL];

/** One of {@link OWN_TYPE_URL}. */
export type OwnTypeUrl = (typeof OWN_TYPE_URL)[keyof typeof OWN_TYPE_URL];

/** One of {@link TYPE_URL} or {@link OWN_TYPE_URL}. */
export type TypeUrl = StandardTypeUrl | OwnTypeUrl;

/** What a control plane of ours calls itself in its answers (`control_plane.identifier`): others are not asked for resources of our own. */
export const CONTROL_PLANE_IDENTIFIER = "isobar";

/** Key of the metadata in which proxies of ours are told what the standard fields cannot say. */
export const ISOBAR_METADATA = "isobar";

/** Key of the metadata that holds endpoints' labels. Source: Envoy, "Load Balancer Subsets". */
export const LABELS_METADATA = "envoy.lb";
