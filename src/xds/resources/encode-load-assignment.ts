import type { Cluster } from "../../resource/cluster.ts";
import type { Endpoint } from "../../resource/endpoint.ts";
import { BackwardWriter } from "./backward-writer.ts";
import type { ClientView } from "./client-view.ts";
import type { KeptByPlace } from "./plan-localities.ts";
import { planLocalities } from "./plan-localities.ts";
import { ISOBAR_METADATA, LABELS_METADATA } from "./type-url.ts";

/** envoy.config.core.v3.HealthStatus. */
const HEALTH_STATUS = { healthy: 1, unhealthy: 2, draining: 3 } as const;

const writer = new BackwardWriter();

/**
 * Encodes a cluster's endpoints as envoy.config.endpoint.v3.ClusterLoadAssignment, field by field: the resource that changes most and is
 * largest is not worth an object per field. About a microsecond for each endpoint, so that nothing is kept of them.
 *
 * @param kept what places keep of their load, for gRPC; default: everything.
 * @returns the message's octets.
 */
export function encodeLoadAssignment(cluster: Cluster, view: ClientView, kept?: KeptByPlace): Uint8Array {
  const localities = planLocalities(cluster, view, kept);
  try {
    writeLoadAssignment(cluster, view, localities);
    return writer.finish();
  } catch (error) {
    writer.reset();
    throw error;
  }
}

function writeLoadAssignment(
  cluster: Cluster,
  view: ClientView,
  localities: ReturnType<typeof planLocalities>,
): void {
  const isOwn = view.kind === "isobar";
  const probe = cluster.settings.healthCheck?.probe;
  // Nobody but Envoy looks at it.
  const checkPort = view.kind === "envoy" && probe?.kind === "http" ? probe.port : 0;
  const policy = writer.written;
  wrapped(3, Math.round(cluster.settings.loadBalancing.locality.overprovisioningFactor * 100));
  writer.message(4, policy);
  for (let i = localities.length - 1; i >= 0; i--) {
    const { region, zone, priority, weight, endpoints } = localities[i]!;
    const locality = writer.written;
    if (priority > 0) writer.number(5, priority);
    wrapped(3, weight);
    for (let n = endpoints.length - 1; n >= 0; n--) {
      writeEndpoint(endpoints[n]!, isOwn, cluster.name, checkPort);
    }
    const place = writer.written;
    if (zone !== "") writer.text(2, zone);
    if (region !== "") writer.text(1, region);
    writer.message(1, place);
    writer.message(2, locality);
  }
  writer.text(1, cluster.name);
}

/**
 * envoy.config.endpoint.v3.LbEndpoint, as field 2.
 *
 * @param checkPort where its health is asked for; 0 for its own port.
 */
function writeEndpoint(endpoint: Endpoint, isOwn: boolean, clusterName: string, checkPort: number): void {
  const start = writer.written;
  wrapped(4, endpoint.weight);
  metadata(endpoint, isOwn, clusterName);
  writer.number(2, HEALTH_STATUS[endpoint.health]);
  // endpoint { address { socket_address { address, port_value } }, health_check_config { port_value } }
  const place = writer.written;
  if (checkPort !== 0) {
    writer.number(1, checkPort);
    writer.message(2, place);
  }
  const address = writer.written;
  writer.number(3, endpoint.port);
  if (endpoint.address !== "") writer.text(2, endpoint.address);
  writer.message(1, address);
  writer.message(1, address);
  writer.message(1, place);
  writer.message(2, start);
}

/** Field 3: labels for everybody, and for proxies of ours who and where it is. */
function metadata(endpoint: Endpoint, isOwn: boolean, clusterName: string): void {
  const start = writer.written;
  if (isOwn) {
    const { key, address, node } = endpoint;
    // A pod's UID, or the address itself where there is none: that says nothing new.
    const from = clusterName.length + 1;
    const to = key.startsWith(clusterName) ? key.indexOf("|", from) : -1;
    const isAddress = to - from === address.length && key.startsWith(address, from);
    const hasUid = to > from && !isAddress;
    if (node !== "" || hasUid) {
      const fields = writer.written;
      if (node !== "") field("node", node);
      if (hasUid) field("uid", key, from, to);
      closeStruct(ISOBAR_METADATA, fields);
    }
  }
  const fields = writer.written;
  const names = Object.keys(endpoint.labels);
  if (names.length > 0) {
    names.sort();
    for (let i = names.length - 1; i >= 0; i--) field(names[i]!, endpoint.labels[names[i]!]!);
    closeStruct(LABELS_METADATA, fields);
  }
  if (writer.written > start) writer.message(3, start);
}

/** An entry of the fields of a google.protobuf.Struct. */
function field(name: string, value: string, from?: number, to?: number): void {
  const start = writer.written;
  writer.text(3, value, from, to);
  writer.message(2, start);
  writer.text(1, name);
  writer.message(1, start);
}

/** Makes what was written an entry of `filter_metadata`. */
function closeStruct(key: string, start: number): void {
  writer.message(2, start);
  writer.text(1, key);
  writer.message(1, start);
}

/** google.protobuf.UInt32Value. */
function wrapped(field: number, value: number): void {
  const start = writer.written;
  writer.number(1, value);
  writer.message(field, start);
}
