import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { emptyLoadReport } from "../../src/grpc/load-report.ts";
import { SetAside } from "../../src/resource/set-aside.ts";
import { CLUSTER_HISTOGRAMS, CLUSTER_MEANS, CLUSTER_SERIES } from "../../src/telemetry/cluster-columns.ts";
import { ClusterColumn } from "../../src/telemetry/cluster-counters.ts";
import {
  BUCKET_BOUNDS_SECONDS,
  HISTOGRAM_COLUMNS,
  observeMs,
} from "../../src/telemetry/histogram-buckets.ts";
import { requestCell } from "../../src/telemetry/request-cell.ts";
import { RESPONSE_FLAG_CODES } from "../../src/telemetry/response-flag.ts";
import { RouteCounters } from "../../src/telemetry/route-counters.ts";
import { FLOOD_KIND_NAMES, WorkerColumn } from "../../src/telemetry/worker-counters.ts";
import { ECHO, endpoint } from "../resource/cluster-builder.ts";
import { MetricsFixture } from "./metrics-fixture.ts";

const page = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8");

/** Rows of the page's tables whose first cell is code, as cells. */
function rows(): string[][] {
  const lines = page.split("\n").filter((line) => line.startsWith("| `"));
  return lines.map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const documentedMetrics = rows().filter(([name]) => name!.startsWith("`isobar_"));
const code = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text!);

/** A registry in which everything there is has happened once. */
function populated(): MetricsFixture {
  const fixture = new MetricsFixture();
  const row = fixture.addCluster(ECHO, [endpoint(1)]).row(0);
  for (const { column } of CLUSTER_SERIES) row[column]!++;
  for (const { column } of CLUSTER_MEANS) row[column] = 0.5;
  for (const { column } of CLUSTER_HISTOGRAMS) observeMs(row, column, 3);
  row[ClusterColumn.retryBudgetUsed] = 0.5;
  const slot = fixture.slots.endpointSlot(endpoint(1).key);
  fixture.endpoints.measures.report(0, slot, emptyLoadReport(), 1);
  const { connect, outlier, healthCheck } = SetAside;
  fixture.endpoints.markAside(fixture.endpoints.mainRowStart, slot, connect | outlier | healthCheck, true);
  const worker = fixture.workers.row(1);
  worker.fill(1, 0, WorkerColumn.stall);
  worker[WorkerColumn.heartbeatMs] = fixture.nowMs - 1500;
  worker[WorkerColumn.sourceWaitMs] = 1_500;
  observeMs(worker, WorkerColumn.stall, 0.2);
  const byState = { asked: 0, present: 1, absent: 0, refused: 0 };
  const byType = { listener: 1, route: 1, cluster: 1, endpoint: 1 };
  fixture.registry.setCapture(() => ({
    generation: "a1",
    former: { alive: 1, openStreams: 2 },
    isCurrent: true,
    isAlive: true,
    isInert: false,
    captured: 1,
    reclaimed: 1,
    refused: 1,
    failOpenSeconds: 1,
    bypassed: new Map([["echo.default:50051", 1]]),
  }));
  fixture.registry.setXdsClient(() => ({
    isConnected: true,
    disconnects: 1,
    acked: byType,
    nacked: byType,
    resources: { listener: byState, route: byState, cluster: byState, endpoint: byState },
    unconfirmed: 1,
    heldBack: 1,
    heldBackUpdates: 1,
    reportsLoad: true,
    fleetProxies: 3,
    strangers: 1,
    saves: { success: 1, failure: 0 },
  }));
  fixture.registry.setTracing(() => ({ sent: 1, dropped: 0 }));
  fixture.registry.ownCertificates([
    { file: "/etc/isobar/tls.crt", notAfterMs: fixture.nowMs, notBeforeMs: 0 },
  ]);
  fixture.registry.certificatesReloaded(true);
  const routes = new RouteCounters(1);
  routes.row(0).fill(1);
  fixture.registry.addRouteSeries({ route: "canary", cluster: "a.b.svc.cluster.local:1" }, 1, routes);
  fixture.registry.configLoaded("abc");
  fixture.registry.configFailed();
  return fixture;
}

test("every metric emitted is documented with its type and labels, and every documented one is emitted", async () => {
  const metrics = await populated().scrape();
  assert.deepEqual(documentedMetrics.flatMap(([name]) => code(name!)).sort(), [...metrics.keys()].sort());
  for (const [cell, type, labels] of documentedMetrics) {
    const name = code(cell!)[0]!;
    const metric = metrics.get(name)!;
    assert.equal(metric.type, type, name);
    assert.ok(metric.samples.length > 0, `${name} has no sample`);
    for (const sample of metric.samples) {
      const { le: _, ...own } = sample.labels;
      assert.deepEqual(Object.keys(own).sort(), code(labels!).sort(), name);
    }
  }
});

test("every label, and every value of a closed list, is documented", async () => {
  const metrics = await populated().scrape();
  const documented = new Map(
    rows().flatMap(([names, values]) => code(names!).map((name) => [name, values!] as const)),
  );
  const closed = [
    "reason",
    "direction",
    "locality",
    "code_class",
    "grpc_disconnect_error",
    "state",
    "protocol",
    "attack",
    "peer",
    "kind",
    "result",
    "limit",
  ];
  for (const { samples } of metrics.values()) {
    for (const { labels } of samples) {
      for (const [label, value] of Object.entries(labels)) {
        assert.ok(documented.has(label), `label ${label}`);
        if (closed.includes(label))
          assert.ok(code(documented.get(label)!).includes(value), `${label}="${value}"`);
      }
    }
  }
  for (const flag of RESPONSE_FLAG_CODES) assert.ok(documented.has(flag), `response flag ${flag}`);
});

test("the documented buckets are the emitted ones", () => {
  const text = BUCKET_BOUNDS_SECONDS.map((seconds) =>
    seconds < 0.001
      ? `${Math.round(seconds * 1e6)} µs`
      : seconds < 1
        ? `${Math.round(seconds * 1000)} ms`
        : `${seconds} s`,
  ).join(", ");
  assert.ok(page.replaceAll(/\s+/g, " ").includes(`: ${text}.`), text);
});

test("names follow Prometheus' conventions", async () => {
  for (const [name, { type, help }] of await populated().scrape()) {
    assert.match(name, /^isobar_[a-z_]+$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    assert.ok(!/_(milliseconds|ms|octets|count|sum|bucket)$/.test(name), name);
    if (type === "histogram") assert.ok(name.endsWith("_seconds"), name);
    assert.match(help, /^[A-Z0-9].*\.$/, name);
  }
});

const promtool = spawnSync("promtool", ["--version"]).error === undefined;
test("promtool finds no fault", { skip: !promtool && "promtool is not installed" }, async () => {
  const input = (await populated().registry.render()).join("");
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
});

test("a fresh registry is a valid exposition too", async () => {
  const metrics = await new MetricsFixture().scrape();
  assert.equal(metrics.size, documentedMetrics.length);
});

test("label values are escaped", async () => {
  const fixture = new MetricsFixture();
  fixture.addCluster('a"b\\c\nd:1');
  const metrics = await fixture.scrape();
  const { dst_service } = metrics.get("isobar_attempts_total")!.samples[0]!.labels;
  assert.equal(dst_service, 'a\\"b\\\\c\\nd');
});

test("every cell of a row has a meaning, and no two share one", () => {
  assert.equal(new Set(CLUSTER_SERIES.map(({ column }) => column)).size, CLUSTER_SERIES.length);
  const histograms = [ClusterColumn.duration, ClusterColumn.queueTime + HISTOGRAM_COLUMNS] as const;
  assert.ok(CLUSTER_SERIES.every(({ column }) => column < histograms[0] || column >= histograms[1]));
  assert.ok(FLOOD_KIND_NAMES.length <= WorkerColumn.downstreamProtocolErrors - WorkerColumn.floodClosed);
  assert.equal(requestCell(0, 0), 0);
});
