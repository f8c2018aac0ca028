import type { Decoded } from "../resources/resource-problem.ts";
import { decodeGuarded } from "../resources/resource-problem.ts";
import { WireReader } from "../resources/wire-reader.ts";
import { WireWriter } from "../resources/wire-writer.ts";
import { durationMs } from "./load-stats.ts";

/** An envoy.service.load_stats.v3.LoadStatsResponse: what is to be reported. */
export interface LoadStatsResponse {
  /** Names of clusters; counts where {@link sendAllClusters} is false. */
  readonly clusters: readonly string[];
  readonly sendAllClusters: boolean;
  readonly intervalMs: number;
  /** Whether each endpoint is to be named, and not its locality alone. */
  readonly byEndpoint: boolean;
}

/** @returns the message's octets. */
export function encodeLoadStatsResponse(response: LoadStatsResponse): Buffer {
  const { clusters, sendAllClusters, intervalMs, byEndpoint } = response;
  const seconds = Math.floor(intervalMs / 1_000);
  return new WireWriter()
    .strings(1, clusters)
    .message(2, (duration) =>
      duration.number(1, seconds).number(2, Math.round((intervalMs - seconds * 1_000) * 1e6)),
    )
    .number(3, byEndpoint ? 1 : 0)
    .number(4, sendAllClusters ? 1 : 0)
    .finish();
}

/** Reads the answer of a server that takes reports. */
export function decodeLoadStatsResponse(octets: Uint8Array): Decoded<LoadStatsResponse> {
  return decodeGuarded("LoadStatsResponse", () => {
    const response = { clusters: [] as string[], sendAllClusters: false, intervalMs: 0, byEndpoint: false };
    const reader = new WireReader(octets);
    while (reader.next()) {
      if (reader.field === 1) response.clusters.push(reader.string());
      else if (reader.field === 2) response.intervalMs = durationMs(reader);
      else if (reader.field === 3) response.byEndpoint = reader.number() !== 0;
      else if (reader.field === 4) response.sendAllClusters = reader.number() !== 0;
      else reader.skip();
    }
    return response;
  });
}
