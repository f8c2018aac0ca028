import assert from "node:assert/strict";
import { test } from "node:test";
import { monotonicClock } from "../../src/base/clock.ts";
import { CONTROL_PLANE_METRIC } from "../../src/control-plane/control-plane-catalog.ts";
import { EndpointMetrics } from "../../src/control-plane/endpoint-metrics.ts";
import { ObjectiveMetrics } from "../../src/control-plane/objective-metrics.ts";
import { Exposition } from "../../src/telemetry/exposition.ts";
import { ScrapePace } from "../../src/telemetry/scrape-pace.ts";
import { ResourceCache } from "../../src/xds/cache/resource-cache.ts";
import { EndpointTotals } from "../../src/xds/load/endpoint-totals.ts";
import { LoadBook } from "../../src/xds/load/load-book.ts";
import { endpointHash } from "../../src/xds/resources/service-view.ts";
import { endpoint } from "../resource/cluster-builder.ts";
import { parseExposition } from "../telemetry/exposition-parser.ts";
import { service } from "../xds/service-builder.ts";

function rig(maxLines?: number) {
  const cache = new ResourceCache();
  const totals = new EndpointTotals();
  const own = new LoadBook((name) => cache.has(name));
  const exposition = new Exposition(Object.values(CONTROL_PLANE_METRIC));
  const metrics = new EndpointMetrics(
    exposition,
    { totals, own, cluster: (name) => cache.cluster(name) },
    maxLines,
  );
  /** One caller's report: requests, errors and what is in flight, by endpoint. */
  const report = (reporter: number, name: string, counts: readonly (readonly [number, number, number])[]) => {
    const { endpoints } = cache.cluster(name)!;
    const hashes = endpoints.map(({ address, port }) => endpointHash(address, port));
    const issued = counts.reduce((sum, [count]) => sum + count, 0);
    const load = {
      name,
      intervalMs: 1_000,
      localities: [{ region: "r", zone: "z", issued, errors: 0, inFlight: 1 }],
      endpoints: Uint32Array.from(counts.flatMap(([, , inFlight], i) => [hashes[i]!, inFlight])),
      counts: Uint32Array.from(counts.flatMap(([begun, errors], i) => [hashes[i]!, begun, errors])),
    };
    totals.add(load, 100);
    own.report(reporter, [load], 0);
  };
  const text = async (): Promise<string> => {
    await metrics.collect(new ScrapePace(monotonicClock));
    const parts: string[] = [];
    for await (const part of exposition.render(new ScrapePace(monotonicClock))) parts.push(part);
    return parts.join("");
  };
  return { cache, totals, metrics, report, text };
}

/** @returns the samples of a metric, as the endpoint's number (the last of its address) and value. */
function samples(text: string, name: string): string[] {
  const found = parseExposition(text).get(name)?.samples ?? [];
  return found.map(({ labels, value }) => `${labels["dst_service"]} ${labels["endpoint"]} ${value}`);
}

test("what callers report is added up by endpoint, and endpoints that nobody calls count too", async () => {
  const { cache, report, text } = rig();
  cache.upsert(service("echo.shop:80", 3));
  const [a, b, c] = cache.cluster("echo.shop:80")!.endpoints.map(({ address, port }) => `${address}:${port}`);
  report(1, "echo.shop:80", [
    [10, 1, 2],
    [5, 0, 0],
  ]);
  report(2, "echo.shop:80", [[7, 0, 1]]);
  report(1, "echo.shop:80", [[3, 1, 4]]);
  const rendered = await text();
  assert.deepEqual(samples(rendered, "isobar_cp_endpoint_requests_total"), [
    `echo ${a} 20`,
    `echo ${b} 5`,
    `echo ${c} 0`,
  ]);
  assert.deepEqual(samples(rendered, "isobar_cp_endpoint_errors_total"), [`echo ${a} 2`]);
  assert.deepEqual(samples(rendered, "isobar_cp_endpoint_inflight"), [`echo ${a} 5`]);
});

test("an endpoint that goes takes its series along, and one of its address begins at 0", async () => {
  const { cache, totals, report, text } = rig();
  cache.upsert(service("echo.shop:80", 2));
  report(1, "echo.shop:80", [
    [10, 0, 0],
    [5, 0, 0],
  ]);
  await text();
  const left = service("echo.shop:80", [endpoint(1, {}, "echo.shop:80")]);
  cache.upsert(left);
  totals.keep("echo.shop:80", left.cluster.endpoints);
  assert.equal(samples(await text(), "isobar_cp_endpoint_requests_total").length, 1);
  const both = service("echo.shop:80", 2);
  cache.upsert(both);
  totals.keep("echo.shop:80", both.cluster.endpoints);
  const values = samples(await text(), "isobar_cp_endpoint_requests_total").map((line) => line.split(" ")[2]);
  assert.deepEqual(values, ["0", "5"]);
  cache.remove("echo.shop:80");
  totals.remove("echo.shop:80");
  assert.deepEqual(samples(await text(), "isobar_cp_endpoint_requests_total"), []);
});

test("beyond the limit the busiest services are told, whole, and how many are left out", async () => {
  const { cache, metrics, report, text } = rig(5);
  for (const name of ["idle.shop:80", "busy.shop:80", "some.shop:80"]) cache.upsert(service(name, 2));
  report(1, "idle.shop:80", [[1, 0, 0]]);
  report(2, "busy.shop:80", [[100, 0, 0]]);
  report(3, "some.shop:80", [[10, 0, 0]]);
  const told = samples(await text(), "isobar_cp_endpoint_requests_total").map((line) => line.split(" ")[0]);
  assert.deepEqual(told, ["busy", "busy", "some", "some"]);
  assert.equal(metrics.leftOut, 1);
  cache.remove("busy.shop:80");
  await text();
  assert.equal(metrics.leftOut, 0);
});

test("totals keep nothing of more endpoints than they may", () => {
  const totals = new EndpointTotals(2);
  const counts = Uint32Array.of(1, 5, 0, 2, 5, 0, 3, 5, 0);
  totals.add({ name: "a", intervalMs: 0, localities: [], endpoints: new Uint32Array(), counts }, 2);
  assert.deepEqual([...totals.of("a")!.keys()], [1, 2]);
  totals.remove("a");
  totals.add({ name: "b", intervalMs: 0, localities: [], endpoints: new Uint32Array(), counts }, 2);
  assert.equal(totals.of("b")!.size, 2);
});

test("1,000 services of 20 endpoints, all called, make a scrape below 20,000 lines and 2 MB", async () => {
  const { cache, report, text } = rig();
  for (let i = 0; i < 1_000; i++) {
    const name = `some-service-${i}.some-namespace:50051`;
    cache.upsert(service(name, 20));
    report(
      i,
      name,
      Array.from({ length: 20 }, () => [1_000_000 + i, i % 7, 3] as const),
    );
  }
  const rendered = await text();
  const lines = rendered.split("\n").filter((line) => line.startsWith("isobar_"));
  assert.ok(lines.length > 10_500 && lines.length < 20_000, `${lines.length} lines`);
  assert.ok(Buffer.byteLength(rendered) < 2e6, `${Buffer.byteLength(rendered)} octets`);
});

test("what services promise is shown as long as they do", async () => {
  const exposition = new Exposition(Object.values(CONTROL_PLANE_METRIC));
  const objectives = new ObjectiveMetrics(exposition);
  const shown = async (): Promise<string[]> => {
    const lines: string[] = [];
    for await (const part of exposition.render(new ScrapePace(monotonicClock)))
      lines.push(...part.split("\n"));
    return lines.filter((line) => line.startsWith("isobar_slo")).map((line) => line.replace(/\{.*\}/, ""));
  };
  const slo = { p95Ms: 250, success: 0.995 };
  objectives.collect([service("echo.shop:80", 1, { slo }), service("b:1", 1)]);
  assert.deepEqual(await shown(), ["isobar_slo_latency_p95_seconds 0.25", "isobar_slo_success_ratio 0.995"]);
  objectives.collect([service("echo.shop:80", 1, { slo: { errorRate: 0.02 } })]);
  assert.deepEqual(await shown(), ["isobar_slo_error_ratio 0.02"]);
  objectives.collect([service("echo.shop:80", 1)]);
  assert.deepEqual(await shown(), []);
});

test("what a caller makes up takes no other service's room", () => {
  const totals = new EndpointTotals(200);
  const load = (name: string, first: number, count: number) => ({
    name,
    intervalMs: 0,
    localities: [],
    endpoints: new Uint32Array(),
    counts: Uint32Array.from(Array.from({ length: count }, (_, i) => [first + i, 1, 0]).flat()),
  });
  totals.add(load("liar", 1, 500), 3);
  assert.equal(totals.of("liar")!.size, 70, "twice its three, and 64");
  totals.add(load("honest", 1, 30), 30);
  assert.equal(totals.of("honest")!.size, 30);
});
