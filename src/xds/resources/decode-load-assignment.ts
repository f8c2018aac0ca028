import { parseIpAddress } from "../../base/ip-address.ts";
import type { EndpointHealth } from "../../resource/endpoint.ts";
import { decodeMetadata } from "./decode-struct.ts";
import type { AssignedEndpoint, AssignedLocality, LoadAssignment } from "./load-assignment.ts";
import type { Decoded } from "./resource-problem.ts";
import { decodeGuarded, ResourceProblem } from "./resource-problem.ts";
import { ISOBAR_METADATA, LABELS_METADATA } from "./type-url.ts";
import { WireReader } from "./wire-reader.ts";

/** By envoy.config.core.v3.HealthStatus; DEGRADED gets no calls, as in gRPC. */
const HEALTH: readonly EndpointHealth[] = [
  "healthy",
  "healthy",
  "unhealthy",
  "draining",
  "unhealthy",
  "unhealthy",
];
const METADATA_KEYS = [ISOBAR_METADATA, LABELS_METADATA];
const NO_LABELS: Readonly<Record<string, string>> = {};
/** Priorities beyond are no use to anyone. */
const MAX_PRIORITY = 128;

/**
 * Decodes an envoy.config.endpoint.v3.ClusterLoadAssignment where it lies, without the protobuf library: a service of 10,000 endpoints
 * would be 70,000 objects there.
 *
 * Endpoints have to be IP literals. Of one that is listed twice the first counts.
 */
export function decodeLoadAssignment(octets: Uint8Array): Decoded<LoadAssignment> {
  return decodeGuarded("ClusterLoadAssignment", () => {
    const reader = new WireReader(octets);
    const localities: AssignedLocality[] = [];
    const seen = new Set<string>();
    let name = "";
    while (reader.next()) {
      if (reader.field === 1) name = reader.string();
      else if (reader.field === 2)
        localities.push(decodeLocality(reader, `endpoints[${localities.length}]`, seen));
      else reader.skip();
    }
    if (name === "") throw new ResourceProblem("cluster_name", "none", "the name of a cluster");
    return { name, localities, count: seen.size };
  });
}

function decodeLocality(reader: WireReader, path: string, seen: Set<string>): AssignedLocality {
  const endpoints: AssignedEndpoint[] = [];
  let region = "";
  let zone = "";
  let weight = 0;
  let priority = 0;
  let listed = 0;
  reader.enter();
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        ({ region, zone } = decodePlace(reader));
        break;
      case 2: {
        const endpoint = decodeEndpoint(reader, path, listed++);
        const place = `${endpoint.address} ${endpoint.port}`;
        if (!seen.has(place)) endpoints.push(endpoint);
        seen.add(place);
        break;
      }
      case 3:
        weight = reader.wrapped();
        break;
      case 5:
        priority = reader.number();
        break;
      case 7:
      case 8:
        throw new ResourceProblem(path, "endpoints that are listed elsewhere (LEDS)", "lb_endpoints");
      default:
        reader.skip();
    }
  }
  reader.leave();
  if (priority > MAX_PRIORITY) {
    throw new ResourceProblem(`${path}.priority`, String(priority), `0 to ${MAX_PRIORITY}`);
  }
  return { region, zone, priority, weight, endpoints };
}

function decodeEndpoint(reader: WireReader, locality: string, index: number): AssignedEndpoint {
  let address = "";
  let port = 0;
  let weight = 0;
  let health: EndpointHealth = "healthy";
  let uid = "";
  let node = "";
  let labels = NO_LABELS;
  reader.enter();
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        ({ address, port } = decodeAddress(reader));
        break;
      case 2:
        health = HEALTH[reader.number()] ?? "unhealthy";
        break;
      case 3: {
        const metadata = decodeMetadata(reader, METADATA_KEYS);
        const own = metadata[ISOBAR_METADATA];
        if (typeof own?.["uid"] === "string") uid = own["uid"];
        if (typeof own?.["node"] === "string") node = sharedText(own["node"]);
        labels = textsOf(metadata[LABELS_METADATA]);
        break;
      }
      case 4:
        weight = reader.wrapped();
        if (weight === 0) {
          const field = `${locality}.lb_endpoints[${index}].load_balancing_weight`;
          throw new ResourceProblem(field, "0", "1 or more");
        }
        break;
      default:
        reader.skip();
    }
  }
  reader.leave();
  if (parseIpAddress(address) === undefined || port < 1 || port > 65_535) {
    const found = address === "" ? "no socket_address" : `"${address.slice(0, 100)}" port ${port}`;
    const field = `${locality}.lb_endpoints[${index}].endpoint.address.socket_address`;
    throw new ResourceProblem(field, found, "an IP address and a port_value from 1 to 65535");
  }
  return { address, port, weight, health, uid, node, labels };
}

function decodePlace(reader: WireReader): { region: string; zone: string } {
  let region = "";
  let zone = "";
  reader.enter();
  while (reader.next()) {
    if (reader.field === 1) region = sharedText(reader.string());
    else if (reader.field === 2) zone = sharedText(reader.string());
    else reader.skip();
  }
  reader.leave();
  return { region, zone };
}

/** Endpoint → address → socket_address; what is not found is "" and 0. */
function decodeAddress(reader: WireReader, depth = 0): { address: string; port: number } {
  let address = "";
  let port = 0;
  reader.enter();
  while (reader.next()) {
    if (depth < 2 && reader.field === 1) ({ address, port } = decodeAddress(reader, depth + 1));
    else if (depth === 2 && reader.field === 2) address = reader.string();
    else if (depth === 2 && reader.field === 3) port = reader.number();
    else reader.skip();
  }
  reader.leave();
  return { address, port };
}

/** Names of nodes and zones, which thousands of endpoints have: each is kept once. */
const texts = new Map<string, string>();
const MAX_TEXTS = 16_384;

function sharedText(text: string): string {
  const known = texts.get(text);
  if (known !== undefined) return known;
  if (texts.size >= MAX_TEXTS) texts.clear();
  texts.set(text, text);
  return text;
}

/** Labels are texts; what else the metadata holds is not for us. */
function textsOf(struct: Readonly<Record<string, unknown>> | undefined): Readonly<Record<string, string>> {
  if (struct === undefined) return NO_LABELS;
  const labels: Record<string, string> = {};
  for (const [key, value] of Object.entries(struct)) if (typeof value === "string") labels[key] = value;
  return labels;
}
