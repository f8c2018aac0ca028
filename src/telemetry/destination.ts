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

const LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?";
/** A Service's names: as DNS has it in full, and as the control plane has it. Source: RFC 1035 §2.3.1, Kubernetes DNS specification. */
const SERVICE = new RegExp(`^(${LABEL})\\.(${LABEL})(\\.svc\\.cluster\\.local)?$`);

/**
 * Reads a cluster's name: `service.namespace.svc.cluster.local:port` and `service.namespace:port` in three parts; of any other name the part before
 * the port is the service. Only these two spellings of one service have equal labels: {@link verbatimDestination} tells them apart.
 */
export function parseDestination(clusterName: string): Destination {
  const verbatim = verbatimDestination(clusterName);
  const [, service, namespace, domain] = SERVICE.exec(verbatim.dst_service) ?? [];
  // Without a port two labels are a name like any other: the control plane's names have one.
  if (service === undefined || (domain === undefined && verbatim.dst_port === "")) return verbatim;
  return { dst_namespace: namespace!, dst_service: service, dst_port: verbatim.dst_port };
}

/** The labels of a cluster whose name is not looked into: others for every name. */
export function verbatimDestination(clusterName: string): Destination {
  const [, host, port = ""] = /^(.*?)(?::(\d+))?$/s.exec(clusterName)!;
  return { dst_namespace: "", dst_service: host!, dst_port: port };
}
