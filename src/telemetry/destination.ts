/** The labels that say which service a request was for; the same object for the cluster's whole life. */
export interface Destination {
  /** "" when the name is not a Kubernetes service's. */
  readonly dst_namespace: string;
  readonly dst_service: string;
  /** "" when the name has no port. */
  readonly dst_port: string;
}

/** Where series go that find no room below the limit. No cluster's name reads as these: a port is a number. */
export const OTHER_DESTINATION: Destination = {
  dst_namespace: "other",
  dst_service: "other",
  dst_port: "other",
};

/** Where requests are counted that no cluster was found for. */
export const UNKNOWN_DESTINATION: Destination = {
  dst_namespace: "unknown",
  dst_service: "unknown",
  dst_port: "unknown",
};

/**
 * Reads a cluster's name: `service.namespace.svc.cluster.local:port` in three parts; of any other name the part before
 * the port is the service. Different names give different labels, so no series is ever emitted twice.
 */
export function parseDestination(clusterName: string): Destination {
  const [, host, port = ""] = /^(.*?)(?::(\d+))?$/s.exec(clusterName)!;
  const parts = /^([^.]+)\.([^.]+)\.svc\.cluster\.local$/.exec(host!);
  if (parts === null) return { dst_namespace: "", dst_service: host!, dst_port: port };
  return { dst_namespace: parts[2]!, dst_service: parts[1]!, dst_port: port };
}
