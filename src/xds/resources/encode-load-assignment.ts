import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Cluster } from "../../resource/cluster.ts";
import type { Endpoint } from "../../resource/endpoint.ts";
import type { ClientView } from "./client-view.ts";
import { planLocalities } from "./plan-localities.ts";
import { ISOBAR_METADATA, LABELS_METADATA } from "./type-url.ts";

const { LengthDelimited, Varint } = WireType;
/** envoy.config.core.v3.HealthStatus. */
const HEALTH_STATUS = { healthy: 1, unhealthy: 2, draining: 3 } as const;

/** Endpoints as they stand in a resource, for proxies of ours and for all others; a source that keeps its objects saves their encoding. */
const ownEncodings = new WeakMap<Endpoint, Uint8Array>();
const plainEncodings = new WeakMap<Endpoint, Uint8Array>();

/**
 * Encodes a cluster's endpoints as envoy.config.endpoint.v3.ClusterLoadAssignment, field by field: the resource that changes most and is
 * largest is not worth an object per field.
 *
 * @returns the message's octets.
 */
export function encodeLoadAssignment(cluster: Cluster, view: ClientView): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, LengthDelimited).string(cluster.name);
  const isOwn = view.kind === "isobar";
  const probe = cluster.settings.healthCheck?.probe;
  // Nobody but Envoy looks at it, and it belongs to the cluster: what is kept of endpoints is without.
  const checkPort = view.kind === "envoy" && probe?.kind === "http" ? probe.port : 0;
  for (const { region, zone, priority, weight, endpoints } of planLocalities(cluster, view)) {
    writer.tag(2, LengthDelimited).fork();
    writer.tag(1, LengthDelimited).fork();
    text(writer, 1, region);
    text(writer, 2, zone);
    writer.join();
    for (const each of endpoints)
      writer.tag(2, LengthDelimited).bytes(encodeEndpoint(each, isOwn, cluster.name, checkPort));
    wrapped(writer, 3, weight);
    if (priority > 0) writer.tag(5, Varint).uint32(priority);
    writer.join();
  }
  const factor = cluster.settings.loadBalancing.locality.overprovisioningFactor;
  writer.tag(4, LengthDelimited).fork();
  wrapped(writer, 3, Math.round(factor * 100));
  writer.join();
  return writer.finish();
}

/** envoy.config.endpoint.v3.LbEndpoint. @param checkPort where its health is asked for; 0 for its own port. */
function encodeEndpoint(
  endpoint: Endpoint,
  isOwn: boolean,
  clusterName: string,
  checkPort: number,
): Uint8Array {
  const known = isOwn ? ownEncodings : plainEncodings;
  let octets = checkPort === 0 ? known.get(endpoint) : undefined;
  if (octets !== undefined) return octets;
  const writer = new BinaryWriter();
  // endpoint { address { socket_address { address, port_value } }, health_check_config { port_value } }
  writer.tag(1, LengthDelimited).fork().tag(1, LengthDelimited).fork().tag(1, LengthDelimited).fork();
  text(writer, 2, endpoint.address);
  writer.tag(3, Varint).uint32(endpoint.port);
  writer.join().join();
  if (checkPort !== 0) writer.tag(2, LengthDelimited).fork().tag(1, Varint).uint32(checkPort).join();
  writer.join();
  writer.tag(2, Varint).int32(HEALTH_STATUS[endpoint.health]);
  metadata(writer, endpoint, isOwn ? identityOf(endpoint, clusterName) : undefined);
  wrapped(writer, 4, endpoint.weight);
  octets = writer.finish();
  if (checkPort === 0) known.set(endpoint, octets);
  return octets;
}

/** @param identity undefined: nothing of our own is written. */
function metadata(writer: BinaryWriter, endpoint: Endpoint, identity: string | undefined): void {
  const labels = Object.entries(endpoint.labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const own: [string, string][] = [];
  if (identity !== undefined) {
    if (identity !== endpoint.address) own.push(["uid", identity]);
    if (endpoint.node !== "") own.push(["node", endpoint.node]);
  }
  if (labels.length === 0 && own.length === 0) return;
  writer.tag(3, LengthDelimited).fork();
  struct(writer, LABELS_METADATA, labels);
  struct(writer, ISOBAR_METADATA, own);
  writer.join();
}

/** One entry of `filter_metadata`: a Struct of texts. */
function struct(writer: BinaryWriter, key: string, fields: readonly (readonly [string, string])[]): void {
  if (fields.length === 0) return;
  writer.tag(1, LengthDelimited).fork();
  writer.tag(1, LengthDelimited).string(key);
  writer.tag(2, LengthDelimited).fork();
  for (const [name, value] of fields) {
    writer.tag(1, LengthDelimited).fork();
    writer.tag(1, LengthDelimited).string(name);
    writer.tag(2, LengthDelimited).fork().tag(3, LengthDelimited).string(value).join();
    writer.join();
  }
  writer.join().join();
}

function text(writer: BinaryWriter, field: number, value: string): void {
  if (value !== "") writer.tag(field, LengthDelimited).string(value);
}

/** google.protobuf.UInt32Value. */
function wrapped(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, LengthDelimited).fork().tag(1, Varint).uint32(value).join();
}

/** @returns what tells the endpoint from others of the same address: a pod's UID, or the address itself. */
function identityOf({ key, address }: Endpoint, clusterName: string): string {
  const rest = key.slice(clusterName.length + 1);
  const end = rest.indexOf("|");
  return key.startsWith(`${clusterName}|`) && end > 0 ? rest.slice(0, end) : address;
}
