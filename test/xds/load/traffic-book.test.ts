import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SetAside } from "../../../src/resource/set-aside.ts";
import { ENDPOINT_LATENCY_BUCKETS } from "../../../src/telemetry/endpoint-latencies.ts";
import { encodeLoadStats } from "../../../src/xds/load/encode-load-stats.ts";
import type { ClusterLoad } from "../../../src/xds/load/load-stats.ts";
import { decodeLoadStatsRequest } from "../../../src/xds/load/load-stats.ts";
import { TrafficBook } from "../../../src/xds/load/traffic-book.ts";
import { endpointHash } from "../../../src/xds/resources/service-view.ts";

const NAME = "echo.shop:80";
const CALLER = { id: "n1", region: "r", zone: "a" };
const HASH = endpointHash("10.0.0.1", 80);

/** One second of a caller, as it goes over the wire. */
function report(
  issued: number,
  more: { errors?: number; setAside?: number; slow?: boolean } = {},
): ClusterLoad[] {
  const { errors = 0, setAside = 0, slow = false } = more;
  const latencies = new Uint32Array(ENDPOINT_LATENCY_BUCKETS);
  latencies[slow ? 12 : 3] = issued;
  const endpoint = { address: "10.0.0.1", port: 80, issued, successes: issued - errors, errors, inFlight: 2 };
  const octets = encodeLoadStats(
    [
      {
        name: NAME,
        intervalMs: 1_000,
        localities: [
          { region: "r", zone: "b", priority: 0, endpoints: [{ ...endpoint, latencies, setAside }] },
        ],
      },
    ],
    true,
  );
  return [...decodeLoadStatsRequest(octets, true).clusters];
}

describe("TrafficBook", () => {
  it("makes rates of what callers report, from the first seconds on, and forgets them afterwards", () => {
    const book = new TrafficBook(() => 4);
    let nowMs = 1_000;
    for (; nowMs <= 5_000; nowMs += 1_000) {
      book.report(1, CALLER, report(30, { errors: 3 }), nowMs);
      book.report(2, { ...CALLER, id: "n2" }, report(70), nowMs);
    }
    const { requestsPerSecond, errorsPerSecond } = book.endpoint(NAME, HASH, nowMs - 1_000)!;
    assert.ok(Math.abs(requestsPerSecond - 100) < 10, `${requestsPerSecond}`);
    assert.ok(Math.abs(errorsPerSecond - 3) < 0.5, `${errorsPerSecond}`);
    assert.deepEqual(
      [...book.callers()],
      [
        ["n1", { requestsPerSecond: 30, inFlight: 2 }],
        ["n2", { requestsPerSecond: 70, inFlight: 2 }],
      ],
    );
    assert.ok(book.endpoint(NAME, HASH, nowMs + 60_000)!.requestsPerSecond < 1);
  });

  it("tells quantiles of an endpoint and of a service, from the buckets of proxies", () => {
    const book = new TrafficBook(() => 4);
    for (let i = 0; i < 98; i++) book.report(1, CALLER, report(1), 1_000);
    book.report(1, CALLER, report(2, { slow: true }), 1_000);
    const { p50Ms, p99Ms } = book.endpoint(NAME, HASH, 1_000)!;
    assert.ok(p50Ms! > 2 && p50Ms! <= 3 && p99Ms! > 200 && p99Ms! <= 500, `${p50Ms} ${p99Ms}`);
    assert.equal(book.p99Ms(NAME, [HASH, 7]), p99Ms);
    assert.equal(book.p99Ms(NAME, [7]), null);
  });

  it("counts who has set an endpoint aside, until they say otherwise or go", () => {
    const book = new TrafficBook(() => 4);
    const aside = (): readonly number[] => book.endpoint(NAME, HASH, 2_000)!.setAside;
    book.report(1, CALLER, report(0, { setAside: SetAside.connect | SetAside.healthCheck }), 1_000);
    book.report(2, CALLER, report(0, { setAside: SetAside.connect }), 1_000);
    assert.deepEqual(aside(), [2, 0, 1]);
    book.report(1, CALLER, report(1), 2_000);
    assert.deepEqual(aside(), [1, 0, 0]);
    book.forget(2);
    assert.deepEqual(aside(), [0, 0, 0]);
  });

  it("tells what flows between zones", () => {
    const book = new TrafficBook(() => 4);
    for (let ms = 1_000; ms <= 30_000; ms += 1_000) {
      book.report(1, CALLER, report(10), ms);
      book.report(2, { ...CALLER, zone: "b" }, report(40), ms);
    }
    const flows = book.flows(NAME, 30_000);
    assert.deepEqual(
      flows.map(({ from, to, requestsPerSecond }) => [from, to, Math.round(requestsPerSecond / 5) * 5]),
      [
        ["a", "b", 10],
        ["b", "b", 40],
      ],
    );
  });

  it("keeps nothing of services that there are not, and no more endpoints than there can be", () => {
    const book = new TrafficBook((service) => (service === NAME ? 4 : undefined));
    book.report(1, CALLER, [{ ...report(1)[0]!, name: "nobody" }], 1_000);
    assert.deepEqual([...book.services], []);
    const [load] = report(1);
    let known = 0;
    for (let hash = 1; hash <= 5_000; hash++)
      book.report(1, CALLER, [{ ...load!, counts: Uint32Array.of(hash, 1, 0) }], 1_000 + hash);
    for (let hash = 1; hash <= 5_000; hash++) if (book.endpoint(NAME, hash, 7_000) !== undefined) known++;
    assert.ok(known > 0 && known <= 2 * 4 + 64, `${known}`);
    book.remove(NAME);
    assert.deepEqual([...book.services], []);
  });

  it("is told nothing by decoders that are not asked for it", () => {
    const [load] = report(5, { setAside: SetAside.outlier });
    assert.ok(load!.details!.length > 0);
    const octets = encodeLoadStats([{ name: NAME, intervalMs: 1_000, localities: [] }], true);
    assert.equal(decodeLoadStatsRequest(octets).clusters[0]!.details, undefined);
  });
});
