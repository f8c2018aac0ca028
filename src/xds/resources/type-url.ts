/** Type URLs of the resources that are asked for and served. Source: the xDS protocol, "Resource Types". */
export const TYPE_URL = {
  listener: "type.googleapis.com/envoy.config.listener.v3.Listener",
  routeConfiguration: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  cluster: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  loadAssignment: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
} as const;

/** One of {@link TYPE_URL}. */
export type TypeUrl = (typeof TYPE_URL)[keyof typeof TYPE_URL];

/** Key of the metadata in which proxies of ours are told what the standard fields cannot say. */
export const ISOBAR_METADATA = "isobar";

/** Key of the metadata that holds endpoints' labels. Source: Envoy, "Load Balancer Subsets". */
export const LABELS_METADATA = "envoy.lb";
