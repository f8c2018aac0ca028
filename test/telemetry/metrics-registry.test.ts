import assert from "node:assert/strict";
import { test } from "node:test";
import { SetAside } from "../../src/resource/set-aside.ts";
import { ByteColumn, ClusterColumn, ClusterCounters } from "../../src/telemetry/cluster-counters.ts";
import { observeMs } from "../../src/telemetry/histogram-buckets.ts";
import { requestCell } from "../../src/telemetry/request-cell.ts";
import { ResponseFlag } from "../../src/telemetry/response-flag.ts";
import { countSource } from "../../src/telemetry/source-cells.ts";
import { SourceNames, UNKNOWN_SOURCE } from "../../src/telemetry/source-names.ts";
import { WorkerColumn } from "../../src/telemetry/worker-counters.ts";
import { ECHO, endpoint } from "../resource/cluster-builder.ts";
import { MetricsFixture } from "./metrics-fixture.ts";

const OTHER = { dst_namespace: "other", dst_service: "other", dst_port: "other" };

test("requests are told by service, status and flag, summed over workers", async () => {
  const fixture = new MetricsFixture();
  const counters = fixture.addCluster(ECHO);
  counters.row(0)[ClusterColumn.requests + requestCell(0, ResponseFlag.none)]! += 3;
  counters.row(1)[ClusterColumn.requests + requestCell(0, ResponseFlag.none)]! += 4;
  counters.row(1)[ClusterColumn.requests + requestCell(14, ResponseFlag.upstreamReset)]! += 5;
  const { samples } = (await fixture.scrape()).get("isobar_requests_total")!;
  const destination = {
    dst_namespace: "default",
    dst_service: "echo",
    dst_port: "50051",
    src_namespace: "unknown",
  };
  assert.deepEqual(
    samples.map(({ labels, value }) => ({ ...labels, value })),
    [
      { ...destination, grpc_status: "OK", response_flag: "-", value: 7 },
      { ...destination, grpc_status: "UNAVAILABLE", response_flag: "UR", value: 5 },
    ],
  );
});

test("requests of known callers are told by their namespace, those of others as of unknown, and none twice", async () => {
  const sources = new SourceNames();
  const fixture = new MetricsFixture({ sources });
  const counters = fixture.addCluster(ECHO, [], new ClusterCounters(2, undefined, true));
  const count = (worker: number, namespace: string, cell: number): void => {
    const row = counters.row(worker);
    const source = sources.numberOf(namespace);
    if (source !== UNKNOWN_SOURCE) countSource(row, ClusterColumn.sources, source, cell);
    row[ClusterColumn.requests + cell]!++;
  };
  const ok = requestCell(0, ResponseFlag.none);
  for (const namespace of ["shop", "shop", "bank", "unknown"]) count(0, namespace, ok);
  count(1, "shop", ok);
  count(1, "bank", requestCell(14, ResponseFlag.upstreamReset));
  const seen = async () => {
    const { samples } = (await fixture.scrape()).get("isobar_requests_total")!;
    return samples.map(
      ({ labels, value }) =>
        `${labels["src_namespace"]} ${labels["grpc_status"]} ${labels["response_flag"]} ${value}`,
    );
  };
  const known = ["shop OK - 3", "bank OK - 1", "bank UNAVAILABLE UR 1"];
  assert.deepEqual(await seen(), [...known, "unknown OK - 1"]);
  count(0, "other", ok);
  assert.deepEqual(await seen(), [...known, "unknown OK - 1", "other OK - 1"]);
  fixture.registry.removeCluster(ECHO);
  assert.deepEqual(await seen(), []);
});

test("a status beyond 16 counts as UNKNOWN", () => {
  assert.equal(requestCell(4711, 1), requestCell(2, 1));
  assert.equal(requestCell(-1, 1), requestCell(2, 1));
});

test("requests for an unknown authority are counted without a cluster", async () => {
  const fixture = new MetricsFixture();
  fixture.workers.row(0)[WorkerColumn.unroutedRequests + requestCell(12, ResponseFlag.noRoute)]!++;
  const labels = { dst_service: "unknown", grpc_status: "UNIMPLEMENTED", response_flag: "NR" };
  assert.equal(await fixture.value("isobar_requests_total", labels), 1);
});

test("a histogram is cumulative, in seconds, and its count is that of all observations", async () => {
  const fixture = new MetricsFixture();
  const counters = fixture.addCluster(ECHO);
  for (const ms of [0.01, 0.05, 0.06, 3, 3, 60_000]) observeMs(counters.row(0), ClusterColumn.duration, ms);
  observeMs(counters.row(1), ClusterColumn.duration, 4);
  const bucket = (le: string) => fixture.value("isobar_request_duration_seconds_bucket", { le });
  assert.deepEqual(
    await Promise.all(["0.00005", "0.0001", "0.002", "0.005", "20", "+Inf"].map((le) => bucket(le))),
    [2, 3, 3, 6, 6, 7],
  );
  assert.equal(await fixture.value("isobar_request_duration_seconds_count"), 7);
  const sum = await fixture.value("isobar_request_duration_seconds_sum");
  assert.ok(Math.abs(sum! - 60.01012) < 1e-9, `${sum}`);
});

test("when a worker dies its streams are gone and its totals stay", async () => {
  const fixture = new MetricsFixture();
  const counters = fixture.addCluster(ECHO);
  for (const worker of [0, 1]) {
    const row = counters.row(worker);
    row[ClusterColumn.attempts] = 10;
    row[ClusterColumn.streamsActive] = 3;
    row[ClusterColumn.upstreamConnections] = 2;
    row[ClusterColumn.retryBudgetUsed] = 1;
    observeMs(row, ClusterColumn.duration, 1);
    fixture.workers.row(worker)[WorkerColumn.downstreamConnections] = 5;
  }
  assert.equal(await fixture.value("isobar_streams_active"), 6);
  assert.equal(await fixture.value("isobar_retry_budget_remaining_ratio"), 0);
  counters.retireRow(1);
  fixture.workers.retireRow(1);
  assert.equal(await fixture.value("isobar_streams_active"), 3);
  assert.equal(await fixture.value("isobar_upstream_connections"), 2);
  assert.equal(await fixture.value("isobar_retry_budget_remaining_ratio"), 0.5);
  assert.equal(await fixture.value("isobar_downstream_connections", { protocol: "h2c" }), 5);
  assert.equal(await fixture.value("isobar_attempts_total"), 20);
  assert.equal(await fixture.value("isobar_request_duration_seconds_count"), 2);
});

test("endpoints are told by state, each in one", async () => {
  const fixture = new MetricsFixture();
  const endpoints = [1, 2, 3].map((n) => endpoint(n));
  fixture.addCluster(ECHO, [
    ...endpoints,
    endpoint(4, { health: "draining" }),
    endpoint(5, { health: "unhealthy" }),
  ]);
  for (const { key } of [endpoints[1]!, endpoint(5)])
    fixture.endpoints.markAside(0, fixture.slots.endpointSlot(key), SetAside.connect, true);
  const { samples } = (await fixture.scrape()).get("isobar_endpoints")!;
  assert.deepEqual(Object.fromEntries(samples.map(({ labels: { state }, value }) => [state, value])), {
    healthy: 2,
    unhealthy: 1,
    draining: 1,
    set_aside: 1,
  });
});

test("an update of a cluster keeps its totals, removing it ends its series", async () => {
  const fixture = new MetricsFixture();
  const counters = fixture.addCluster(ECHO, [endpoint(1)]);
  counters.row(0)[ClusterColumn.bytes + ByteColumn.responseCrossZone] = 1000;
  fixture.addCluster(ECHO, [endpoint(2)], counters);
  const labels = { direction: "response", locality: "cross_zone" };
  assert.equal(await fixture.value("isobar_bytes_total", labels), 1000);
  fixture.registry.removeCluster(ECHO);
  fixture.registry.removeCluster("never:1");
  assert.equal(await fixture.value("isobar_bytes_total"), undefined);
  assert.equal(await fixture.value("isobar_metric_series"), 0);
});

test("a service under two names has one series for each, whichever was there first keeps the short labels", async () => {
  const fixture = new MetricsFixture();
  const [full, short] = [ECHO, "echo.default:50051"].map((name) => fixture.addCluster(name));
  full!.row(0)[ClusterColumn.attempts] = 3;
  short!.row(0)[ClusterColumn.attempts] = 4;
  const total = (dst_namespace: string, dst_service: string) =>
    fixture.value("isobar_attempts_total", { dst_namespace, dst_service, dst_port: "50051" });
  assert.equal(await total("default", "echo"), 3);
  assert.equal(await total("", "echo.default"), 4);
  fixture.registry.removeCluster(ECHO);
  fixture.registry.removeCluster("echo.default:50051");
  fixture.addCluster("echo.default:50051").row(0)[ClusterColumn.attempts] = 5;
  assert.equal(await total("default", "echo"), 5);
});

test("beyond the limit series are folded into other and a metric says so", async () => {
  const fixture = new MetricsFixture({ maxSeries: 100 });
  const all = Array.from({ length: 50 }, (_, i) => fixture.addCluster(`s${i}.ns.svc.cluster.local:80`));
  for (const counters of all) {
    counters.row(0)[ClusterColumn.attempts] = 2;
    counters.row(1)[ClusterColumn.streamsActive] = 1;
    observeMs(counters.row(0), ClusterColumn.duration, 1);
  }
  assert.ok((await fixture.value("isobar_metric_series"))! <= 100);
  assert.ok((await fixture.value("isobar_metric_series_overflow"))! > 100);
  assert.ok((await fixture.value("isobar_attempts_total", OTHER))! > 0);
  for (const name of [
    "isobar_attempts_total",
    "isobar_streams_active",
    "isobar_request_duration_seconds_count",
  ]) {
    assert.equal(await fixture.value(name), name === "isobar_attempts_total" ? 100 : 50, name);
  }
  const lines = (await fixture.registry.render()).join("").split("\n").length;
  assert.ok(lines < 500, `${lines} lines`);
});

test("a total in other never goes down when a cluster in it is removed; what is open does", async () => {
  const fixture = new MetricsFixture({ maxSeries: 0 });
  const counters = [1, 2].map((i) => fixture.addCluster(`s${i}:80`));
  for (const row of counters.map((each) => each.row(0))) {
    row[ClusterColumn.attempts] = 5;
    row[ClusterColumn.streamsActive] = 1;
    observeMs(row, ClusterColumn.overhead, 1);
  }
  assert.equal(await fixture.value("isobar_attempts_total"), 10);
  const scraping = fixture.registry.render();
  fixture.registry.removeCluster("s1:80");
  await scraping;
  assert.equal(await fixture.value("isobar_attempts_total", OTHER), 10);
  assert.equal(await fixture.value("isobar_request_overhead_seconds_count", OTHER), 2);
  assert.equal(await fixture.value("isobar_streams_active", OTHER), 1);
});

test("a series once in other stays there when room comes up", async () => {
  const fixture = new MetricsFixture({ maxSeries: 2 });
  fixture.addCluster("s1:80");
  const counters = fixture.addCluster("s2:80");
  counters.row(0)[ClusterColumn.attempts] = 5;
  assert.equal(await fixture.value("isobar_attempts_total", OTHER), 5);
  fixture.registry.removeCluster("s1:80");
  counters.row(0)[ClusterColumn.attempts] = 6;
  assert.equal(await fixture.value("isobar_attempts_total", OTHER), 6);
  assert.equal(await fixture.value("isobar_attempts_total", { dst_service: "s2" }), undefined);
});

test("loads and failures of the configuration are counted, and the version in force is the only one shown", async () => {
  const fixture = new MetricsFixture();
  fixture.registry.configLoaded("v1");
  fixture.registry.configLoaded("v2");
  fixture.registry.configFailed();
  fixture.nowMs += 2500;
  const { samples } = (await fixture.scrape()).get("isobar_snapshot_info")!;
  assert.deepEqual(
    samples.map(({ labels: { version } }) => version),
    ["v2"],
  );
  assert.equal(await fixture.value("isobar_config_reloads_total", { result: "success" }), 2);
  assert.equal(await fixture.value("isobar_config_reloads_total", { result: "failure" }), 1);
  assert.equal(await fixture.value("isobar_config_last_reload_successful"), 0);
  assert.equal(await fixture.value("isobar_snapshot_age_seconds"), 2.5);
  assert.equal(await fixture.value("isobar_config_last_reload_success_timestamp_seconds"), 1_800_000_000);
});

test("a worker's heartbeat age grows while it hangs", async () => {
  const fixture = new MetricsFixture();
  fixture.workers.row(1)[WorkerColumn.heartbeatMs] = fixture.nowMs;
  fixture.nowMs += 7000;
  assert.equal(await fixture.value("isobar_worker_heartbeat_age_seconds", { worker: "1" }), 7);
  assert.equal(await fixture.value("isobar_worker_heartbeat_age_seconds", { worker: "0" }), undefined);
});

test("scrapes at the same time do not mix", async () => {
  const fixture = new MetricsFixture();
  for (let i = 0; i < 40; i++) observeMs(fixture.addCluster(`s${i}:80`).row(0), ClusterColumn.duration, 1);
  const scrapes = await Promise.all([fixture.scrape(), fixture.scrape(), fixture.scrape()]);
  for (const metrics of scrapes) {
    assert.equal(metrics.get("isobar_request_duration_seconds")!.samples.length, 40 * 19);
  }
});
