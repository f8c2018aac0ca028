import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { XdsNode } from "../resources/delta-request.ts";
import { writeNode } from "../resources/delta-request.ts";
import { WireWriter } from "../resources/wire-writer.ts";

const { LengthDelimited, Varint } = WireType;

/** What happened at one endpoint since the last report, and what is in flight there now. */
export interface EndpointStats {
  readonly address: string;
  readonly port: number;
  readonly issued: number;
  readonly successes: number;
  readonly errors: number;
  readonly inFlight: number;
  /** How many of those that ended took how long: by bucket of endpoint-latencies.ts. Default: not known. */
  readonly latencies?: ArrayLike<number> | undefined;
  /** Why nothing new is sent to it: bits of SetAside. Default 0. */
  readonly setAside?: number;
}

/**
 * Fields of our own in an UpstreamEndpointStats, which other servers skip: `repeated uint32 latencies = 1001 [packed]` and `uint32 set_aside = 1002`.
 */
export const OWN_STATS = { latencies: 1001, setAside: 1002 } as const;

/** The same of the endpoints of one place and priority: the sums are made of them. */
export interface LocalityStats {
  readonly region: string;
  readonly zone: string;
  readonly priority: number;
  /** Only those of which there is something to say. */
  readonly endpoints: readonly EndpointStats[];
}

/** What is to be said of one cluster. */
export interface ClusterStats {
  readonly name: string;
  readonly intervalMs: number;
  readonly localities: readonly LocalityStats[];
}

/** @returns the first message of a stream, an envoy.service.load_stats.v3.LoadStatsRequest that says who reports. */
export function encodeFirstLoadStats(node: XdsNode): Buffer {
  return new WireWriter().message(1, (nested) => writeNode(nested, node)).finish();
}

/** @param byEndpoint whether each endpoint is named, and not its locality alone. @returns a report as it goes over the wire. */
export function encodeLoadStats(clusters: readonly ClusterStats[], byEndpoint: boolean): Buffer {
  const writer = new BinaryWriter();
  for (const { name, intervalMs, localities } of clusters) {
    writer.tag(2, LengthDelimited).fork().tag(1, LengthDelimited).string(name);
    for (const each of localities) locality(writer, each, byEndpoint);
    const seconds = Math.floor(intervalMs / 1_000);
    writer.tag(4, LengthDelimited).fork();
    count(writer, 1, seconds);
    count(writer, 2, Math.round((intervalMs - seconds * 1_000) * 1e6));
    writer.join().join();
  }
  return Buffer.from(writer.finish());
}

/** envoy.config.endpoint.v3.UpstreamLocalityStats. */
function locality(
  writer: BinaryWriter,
  { region, zone, priority, endpoints }: LocalityStats,
  byEndpoint: boolean,
): void {
  const sum = { issued: 0, successes: 0, errors: 0, inFlight: 0 };
  for (const each of endpoints) {
    sum.issued += each.issued;
    sum.successes += each.successes;
    sum.errors += each.errors;
    sum.inFlight += each.inFlight;
  }
  writer.tag(2, LengthDelimited).fork();
  writer.tag(1, LengthDelimited).fork();
  if (region !== "") writer.tag(1, LengthDelimited).string(region);
  if (zone !== "") writer.tag(2, LengthDelimited).string(zone);
  writer.join();
  count(writer, 2, sum.successes);
  count(writer, 3, sum.inFlight);
  count(writer, 4, sum.errors);
  count(writer, 6, priority);
  if (byEndpoint) for (const each of endpoints) endpoint(writer, each);
  count(writer, 8, sum.issued);
  writer.join();
}

/** envoy.config.endpoint.v3.UpstreamEndpointStats. */
function endpoint(writer: BinaryWriter, stats: EndpointStats): void {
  writer.tag(7, LengthDelimited).fork();
  // address { socket_address { address, port_value } }
  writer.tag(1, LengthDelimited).fork().tag(1, LengthDelimited).fork();
  writer.tag(2, LengthDelimited).string(stats.address).tag(3, Varint).uint32(stats.port);
  writer.join().join();
  count(writer, 2, stats.successes);
  count(writer, 3, stats.inFlight);
  count(writer, 4, stats.errors);
  count(writer, 7, stats.issued);
  const { latencies, setAside = 0 } = stats;
  if (latencies !== undefined) {
    writer.tag(OWN_STATS.latencies, LengthDelimited).fork();
    for (let i = 0; i < latencies.length; i++) writer.uint32(latencies[i]!);
    writer.join();
  }
  count(writer, OWN_STATS.setAside, setAside);
  writer.join();
}

/** A uint64; 0 is left out, as proto3 has it. */
function count(writer: BinaryWriter, field: number, value: number): void {
  if (value > 0) writer.tag(field, Varint).uint64(value);
}
