import { fromBinary } from "@bufbuild/protobuf";
import { ENDPOINT_LATENCY_BUCKETS } from "../../telemetry/endpoint-latencies.ts";
import type { Node } from "../generated/envoy/config/core/v3/base_pb.js";
import { NodeSchema } from "../generated/envoy/config/core/v3/base_pb.js";
import { endpointHash } from "../resources/service-view.ts";
import { WireReader } from "../resources/wire-reader.ts";
import { OWN_STATS } from "./encode-load-stats.ts";

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
  /** Endpoints with requests since the last report: by turns {@link endpointHash}, begun, and ended in an error. */
  readonly counts: Uint32Array;
  /** Where they are wanted: records of {@link EndpointDetail}, for endpoints of which callers say such things. */
  readonly details?: Uint32Array;
}

/** Cells of a record of {@link ClusterLoad.details}. */
export const EndpointDetail = {
  hash: 0,
  /** Bits of SetAside. */
  setAside: 1,
  /** How many ended ones took how long, by bucket of endpoint-latencies.ts. */
  latencies: 2,
  size: 2 + ENDPOINT_LATENCY_BUCKETS,
} as const;

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
 * @param wantsDetails whether to read {@link ClusterLoad.details}.
 * @throws WireError or another error when the octets are no such message.
 */
export function decodeLoadStatsRequest(octets: Uint8Array, wantsDetails = false): LoadStatsRequest {
  let node: Node | undefined;
  const clusters: ClusterLoad[] = [];
  const room = { left: MAX_ENDPOINTS };
  const reader = new WireReader(octets);
  while (reader.next()) {
    if (reader.field === 1) node = fromBinary(NodeSchema, reader.octets());
    else if (reader.field === 2) clusters.push(clusterLoad(reader, room, wantsDetails));
    else reader.skip();
  }
  return { node, clusters };
}

/** envoy.config.endpoint.v3.ClusterStats. */
function clusterLoad(reader: WireReader, room: { left: number }, wantsDetails: boolean): ClusterLoad {
  let name = "";
  let intervalMs = 0;
  const localities: LocalityLoad[] = [];
  const details = wantsDetails ? [] : undefined;
  const into: EndpointLists = { endpoints: [], counts: [], details, room };
  reader.enter();
  while (reader.next()) {
    if (reader.field === 1) name = reader.string();
    else if (reader.field === 2) localities.push(localityLoad(reader, into));
    else if (reader.field === 4) intervalMs = durationMs(reader);
    else reader.skip();
  }
  reader.leave();
  const { endpoints, counts } = into;
  return {
    name,
    intervalMs,
    localities,
    endpoints: Uint32Array.from(endpoints),
    counts: Uint32Array.from(counts),
    ...(details === undefined ? {} : { details: Uint32Array.from(details) }),
  };
}

/** Where what is said of single endpoints goes. */
interface EndpointLists {
  readonly endpoints: number[];
  readonly counts: number[];
  readonly details: number[] | undefined;
  readonly room: { left: number };
}

/** envoy.config.endpoint.v3.UpstreamLocalityStats. */
function localityLoad(reader: WireReader, into: EndpointLists): LocalityLoad {
  const load = { region: "", zone: "", issued: 0, errors: 0, inFlight: 0 };
  let successes = 0;
  reader.enter();
  while (reader.next()) {
    if (reader.field === 1) locality(reader, load);
    else if (reader.field === 2) successes = reader.number();
    else if (reader.field === 3) load.inFlight = reader.number();
    else if (reader.field === 4) load.errors = reader.number();
    else if (reader.field === 7) endpointLoad(reader, into);
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

/** envoy.config.endpoint.v3.UpstreamEndpointStats, with fields of our own: OWN_STATS. */
function endpointLoad(reader: WireReader, { endpoints, counts, details, room }: EndpointLists): void {
  const at = { address: "", port: 0 };
  let successes = 0;
  let inFlight = 0;
  let errors = 0;
  let issued = 0;
  let setAside = 0;
  let latencies: Uint8Array | undefined;
  reader.enter();
  while (reader.next()) {
    if (reader.field === 1) address(reader, at);
    else if (reader.field === 2) successes = reader.number();
    else if (reader.field === 3) inFlight = reader.number();
    else if (reader.field === 4) errors = reader.number();
    else if (reader.field === 7) issued = reader.number();
    else if (reader.field === OWN_STATS.setAside) setAside = reader.number();
    else if (reader.field === OWN_STATS.latencies && details !== undefined) latencies = reader.octets();
    else reader.skip();
  }
  reader.leave();
  // Clients of before the field existed count only what has ended.
  if (issued === 0) issued = successes + errors;
  const isNamed = inFlight > 0 || issued > 0 || errors > 0 || setAside > 0 || latencies !== undefined;
  if (!isNamed || at.address === "" || room.left-- <= 0) return;
  const hash = endpointHash(at.address, at.port);
  if (inFlight > 0) endpoints.push(hash, inFlight);
  if (issued > 0 || errors > 0) counts.push(hash, issued, errors);
  if (details === undefined || (setAside === 0 && latencies === undefined)) return;
  details.push(hash, setAside);
  pushPacked(latencies, details);
}

/** Adds as many varints as there are buckets; what is missing counts as 0. */
function pushPacked(octets: Uint8Array | undefined, into: number[]): void {
  let at = 0;
  for (let bucket = 0; bucket < ENDPOINT_LATENCY_BUCKETS; bucket++) {
    let value = 0;
    let scale = 1;
    let more = octets !== undefined && at < octets.length;
    while (more) {
      const octet = octets![at++]!;
      value += (octet & 0x7f) * scale;
      scale *= 0x80;
      more = octet >= 0x80 && at < octets!.length;
    }
    into.push(Math.min(value, 0xffffffff));
  }
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
