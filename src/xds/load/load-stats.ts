import { fromBinary } from "@bufbuild/protobuf";
import type { Node } from "../generated/envoy/config/core/v3/base_pb.js";
import { NodeSchema } from "../generated/envoy/config/core/v3/base_pb.js";
import { endpointHash } from "../resources/service-view.ts";
import { WireReader } from "../resources/wire-reader.ts";

/** What one caller says of the endpoints of one place: since its last report, and in flight now. */
export interface LocalityLoad {
  readonly region: string;
  readonly zone: string;
  /** Requests begun, and ended in an error. */
  readonly issued: number;
  readonly errors: number;
  /** Requests in flight. */
  readonly inFlight: number;
}

/** What one caller says of one service. */
export interface ClusterLoad {
  /** The cluster's name. */
  readonly name: string;
  /** What the counts since the last report are over; 0 where it does not say. */
  readonly intervalMs: number;
  readonly localities: readonly LocalityLoad[];
  /** Endpoints with requests in flight: by turns {@link endpointHash} and how many. */
  readonly endpoints: Uint32Array;
}

/** An envoy.service.load_stats.v3.LoadStatsRequest. */
export interface LoadStatsRequest {
  /** In the first request of a stream. */
  readonly node: Node | undefined;
  readonly clusters: readonly ClusterLoad[];
}

/** Endpoints of one report that are looked at; what is beyond counts in its locality only. */
const MAX_ENDPOINTS = 100_000;

/**
 * Reads a report of load: thousands of endpoints every second, so that it makes no object for each.
 *
 * @throws WireError or another error when the octets are no such message.
 */
export function decodeLoadStatsRequest(octets: Uint8Array): LoadStatsRequest {
  let node: Node | undefined;
  const clusters: ClusterLoad[] = [];
  const room = { left: MAX_ENDPOINTS };
  const reader = new WireReader(octets);
  while (reader.next()) {
    if (reader.field === 1) node = fromBinary(NodeSchema, reader.octets());
    else if (reader.field === 2) clusters.push(clusterLoad(reader, room));
    else reader.skip();
  }
  return { node, clusters };
}

/** envoy.config.endpoint.v3.ClusterStats. */
function clusterLoad(reader: WireReader, room: { left: number }): ClusterLoad {
  let name = "";
  let intervalMs = 0;
  const localities: LocalityLoad[] = [];
  const endpoints: number[] = [];
  reader.enter();
  while (reader.next()) {
    if (reader.field === 1) name = reader.string();
    else if (reader.field === 2) localities.push(localityLoad(reader, endpoints, room));
    else if (reader.field === 4) intervalMs = durationMs(reader);
    else reader.skip();
  }
  reader.leave();
  return { name, intervalMs, localities, endpoints: Uint32Array.from(endpoints) };
}

/** envoy.config.endpoint.v3.UpstreamLocalityStats. */
function localityLoad(reader: WireReader, endpoints: number[], room: { left: number }): LocalityLoad {
  const load = { region: "", zone: "", issued: 0, errors: 0, inFlight: 0 };
  let successes = 0;
  reader.enter();
  while (reader.next()) {
    if (reader.field === 1) locality(reader, load);
    else if (reader.field === 2) successes = reader.number();
    else if (reader.field === 3) load.inFlight = reader.number();
    else if (reader.field === 4) load.errors = reader.number();
    else if (reader.field === 7) endpointLoad(reader, endpoints, room);
    else if (reader.field === 8) load.issued = reader.number();
    else reader.skip();
  }
  reader.leave();
  // Clients of before the field existed count only what has ended.
  if (load.issued === 0) load.issued = successes + load.errors;
  return load;
}

function locality(reader: WireReader, into: { region: string; zone: string }): void {
  reader.enter();
  while (reader.next()) {
    if (reader.field === 1) into.region = reader.string();
    else if (reader.field === 2) into.zone = reader.string();
    else reader.skip();
  }
  reader.leave();
}

/** envoy.config.endpoint.v3.UpstreamEndpointStats: of which only what is in flight counts here. */
function endpointLoad(reader: WireReader, into: number[], room: { left: number }): void {
  const at = { address: "", port: 0 };
  let inFlight = 0;
  reader.enter();
  while (reader.next()) {
    if (reader.field === 1) address(reader, at);
    else if (reader.field === 3) inFlight = reader.number();
    else reader.skip();
  }
  reader.leave();
  if (inFlight === 0 || at.address === "" || room.left-- <= 0) return;
  into.push(endpointHash(at.address, at.port), inFlight);
}

/** envoy.config.core.v3.Address with a socket_address. */
function address(reader: WireReader, into: { address: string; port: number }): void {
  reader.enter();
  while (reader.next()) {
    if (reader.field === 1) socketAddress(reader, into);
    else reader.skip();
  }
  reader.leave();
}

function socketAddress(reader: WireReader, into: { address: string; port: number }): void {
  reader.enter();
  while (reader.next()) {
    if (reader.field === 2) into.address = reader.string();
    else if (reader.field === 3) into.port = reader.number();
    else reader.skip();
  }
  reader.leave();
}

/** google.protobuf.Duration. */
export function durationMs(reader: WireReader): number {
  let ms = 0;
  reader.enter();
  while (reader.next()) {
    if (reader.field === 1) ms += reader.number() * 1_000;
    else if (reader.field === 2) ms += reader.number() / 1e6;
    else reader.skip();
  }
  reader.leave();
  return ms;
}
