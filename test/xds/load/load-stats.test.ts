import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  LoadStatsRequestSchema,
  LoadStatsResponseSchema,
} from "../../../src/xds/generated/envoy/service/load_stats/v3/lrs_pb.js";
import { encodeFirstLoadStats, encodeLoadStats } from "../../../src/xds/load/encode-load-stats.ts";
import { decodeLoadStatsRequest } from "../../../src/xds/load/load-stats.ts";
import {
  decodeLoadStatsResponse,
  encodeLoadStatsResponse,
} from "../../../src/xds/load/load-stats-response.ts";
import { endpointHash } from "../../../src/xds/resources/service-view.ts";

const ENDPOINTS = [
  { address: "10.0.0.1", port: 80, issued: 9, successes: 5, errors: 1, inFlight: 3 },
  { address: "fd00::2", port: 8080, issued: 1, successes: 1, errors: 0, inFlight: 0 },
];
const REPORT = [
  {
    name: "echo.default:80",
    intervalMs: 1_250,
    localities: [{ region: "r", zone: "a", priority: 1, endpoints: ENDPOINTS }],
  },
];

describe("reports of load", () => {
  it("are read by the generated messages as they were meant", () => {
    const { clusterStats } = fromBinary(LoadStatsRequestSchema, encodeLoadStats(REPORT, true));
    const [stats] = clusterStats;
    assert.equal(stats!.clusterName, "echo.default:80");
    assert.deepEqual(
      [stats!.loadReportInterval!.seconds, stats!.loadReportInterval!.nanos],
      [1n, 250_000_000],
    );
    const [place] = stats!.upstreamLocalityStats;
    assert.deepEqual([place!.locality!.region, place!.locality!.zone, place!.priority], ["r", "a", 1]);
    const { totalIssuedRequests, totalSuccessfulRequests, totalErrorRequests, totalRequestsInProgress } =
      place!;
    assert.deepEqual(
      [totalIssuedRequests, totalSuccessfulRequests, totalErrorRequests, totalRequestsInProgress],
      [10n, 6n, 1n, 3n],
    );
    const first = fromBinary(
      LoadStatsRequestSchema,
      encodeFirstLoadStats({ id: "n1", region: "r", zone: "a", userAgentVersion: "1" }),
    );
    assert.deepEqual([first.node!.id, first.node!.userAgentName], ["n1", "isobar"]);
  });

  it("are understood by this side: sums by place, and endpoints that have something in flight", () => {
    const { node, clusters } = decodeLoadStatsRequest(encodeLoadStats(REPORT, true));
    assert.equal(node, undefined);
    assert.deepEqual(clusters, [
      {
        name: "echo.default:80",
        intervalMs: 1_250,
        localities: [{ region: "r", zone: "a", issued: 10, errors: 1, inFlight: 3 }],
        endpoints: Uint32Array.of(endpointHash("10.0.0.1", 80), 3),
        counts: Uint32Array.of(endpointHash("10.0.0.1", 80), 9, 1, endpointHash("fd00::2", 8080), 1, 0),
      },
    ]);
    assert.equal(decodeLoadStatsRequest(encodeLoadStats(REPORT, false)).clusters[0]!.endpoints.length, 0);
  });

  it("of clients that count only what has ended are understood too", () => {
    const octets = toBinary(
      LoadStatsRequestSchema,
      create(LoadStatsRequestSchema, {
        node: { id: "x", userAgentName: "gRPC Go" },
        clusterStats: [
          {
            clusterName: "a:80",
            upstreamLocalityStats: [
              { locality: { zone: "z" }, totalSuccessfulRequests: 4n, totalErrorRequests: 2n },
            ],
          },
        ],
      }),
    );
    const { node, clusters } = decodeLoadStatsRequest(octets);
    assert.equal(node!.userAgentName, "gRPC Go");
    assert.deepEqual(clusters[0]!.localities, [{ region: "", zone: "z", issued: 6, errors: 2, inFlight: 0 }]);
  });

  it("that are cut off throw, and never hang", () => {
    const octets = encodeLoadStats(REPORT, true);
    for (let length = 1; length < octets.length; length++)
      assert.throws(() => decodeLoadStatsRequest(octets.subarray(0, length)));
  });
});

describe("what is to be reported", () => {
  const wanted = { clusters: ["a:80"], sendAllClusters: true, intervalMs: 1_500, byEndpoint: true };

  it("is said as the generated messages read it, and read as it was said", () => {
    const octets = encodeLoadStatsResponse(wanted);
    const message = fromBinary(LoadStatsResponseSchema, octets);
    const { seconds, nanos } = message.loadReportingInterval!;
    assert.deepEqual([message.clusters, message.sendAllClusters, seconds, nanos], [["a:80"], true, 1n, 5e8]);
    assert.equal(message.reportEndpointGranularity, true);
    assert.deepEqual(decodeLoadStatsResponse(octets).value, wanted);
  });

  it("that is no such message is a problem and no exception", () => {
    assert.match(decodeLoadStatsResponse(Buffer.of(0x12)).problem!, /LoadStatsResponse/);
  });
});
