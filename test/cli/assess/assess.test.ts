import assert from "node:assert/strict";
import { after, before, describe, it, test } from "node:test";
import type { Assessment } from "../../../src/cli/assess/assess-services.ts";
import { crossZoneShare } from "../../../src/cli/assess/assess-services.ts";
import { podsSaved, skewOf } from "../../../src/cli/assess/pods-saved.ts";
import { workloadOf } from "../../../src/cli/assess/workload-of.ts";
import { Child } from "../../clients/harness/child.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import type { Series } from "../harness/recorded-prometheus.ts";
import { MINUTES, missingPrometheus, RecordedPrometheus } from "../harness/recorded-prometheus.ts";

const { CI = "" } = process.env;
const missing = missingPrometheus();
if (missing !== undefined && CI !== "") throw new Error(missing);

/** Ten Pods of one Deployment of which one does three times what the others do, five even ones, and one alone. */
function requestSeries(): Series[] {
  const grpc = (service: string, pod: string, rate: number, sinceMinutes = MINUTES): Series => ({
    metric: "grpc_server_handled_total",
    labels: { namespace: "payments", pod, service, grpc_method: "Get", grpc_code: "OK", job: "grpc" },
    rate,
    sinceMinutes,
  });
  const letters = [..."bcdfghjklm"];
  return [
    ...letters.map((letter, i) => grpc("ledger", `ledger-7c9f8b6d5d-xx${letter}2z`, i === 0 ? 60 : 20)),
    // One that is young has as much to do as the others, only not for as long.
    ...letters.slice(0, 5).map((letter, i) => grpc("rank", `rank-0${letter}`, 10, i === 0 ? 12 : MINUTES)),
    grpc("alone", "alone-0", 10),
    ...letters.slice(0, 2).map((letter) => grpc("idle", `idle-${letter}`, 0.001)),
    ...letters.flatMap((letter, i): Series[] => [
      {
        metric: "kube_pod_info",
        labels: { namespace: "payments", pod: `ledger-7c9f8b6d5d-xx${letter}2z`, node: `n${i % 2}` },
        rate: 0,
      },
    ]),
    ...[0, 1].map((i): Series => {
      return {
        metric: "kube_node_labels",
        labels: { node: `n${i}`, label_topology_kubernetes_io_zone: `z${i}` },
        rate: 0,
      };
    }),
    {
      metric: "kube_service_info",
      labels: { namespace: "payments", service: "rank", cluster_ip: "None" },
      rate: 0,
    },
  ];
}

function cpuSeries(): Series[] {
  return [..."bcdf"].map((letter, i) => ({
    metric: "container_cpu_usage_seconds_total",
    labels: { namespace: "search", pod: `index-6b8d9f7c4-zz${letter}4k`, container: "app" },
    rate: i === 0 ? 0.9 : 0.3,
  }));
}

async function assess(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const launcher = `${REPOSITORY}/src/cli/launch.mjs`;
  return new Child({ command: process.execPath, args: [launcher, "assess"] }, args).waitForEnd(30_000);
}

describe("assess, of what a Prometheus has recorded", { skip: missing ?? false, timeout: 120_000 }, () => {
  let both: RecordedPrometheus;

  before(async () => {
    both = await RecordedPrometheus.start([...requestSeries(), ...cpuSeries()]);
  });
  after(() => both?.[Symbol.asyncDispose]());

  it("finds the uneven service, the even one, zones, headless Services, and what could be saved", async () => {
    const { code, stdout, stderr } = await assess("--prometheus", both.url, "--window", "30m", "-o", "json");
    assert.equal(code, 0, stderr);
    const { services, metrics, notes } = JSON.parse(stdout) as Assessment;
    assert.deepEqual(metrics, ["grpc_server_handled_total"]);
    assert.deepEqual(
      services.map(({ service }) => service),
      ["ledger", "rank"],
    );
    const [ledger, rank] = services;
    assert.equal(ledger!.pods, 10);
    assert.ok(Math.abs(ledger!.maxOverMean - 2.5) < 0.05, stdout);
    assert.ok(Math.abs(ledger!.load - 240) < 10, stdout);
    assert.equal(ledger!.crossZone, 0.5);
    assert.deepEqual(ledger!.podsSaved, { from: 0, to: 5 });
    assert.equal(ledger!.bestMode, "transparent");
    assert.ok(rank!.maxOverMean < 1.1, stdout);
    assert.equal(rank!.bestMode, "address or proxy-env (headless)");
    assert.deepEqual(notes, ["1 services with one Pod", "1 services with too little to do in the window"]);
  });

  it("goes by processors when that is asked for, with names of workloads", async () => {
    const { stdout } = await assess("--prometheus", both.url, "--window", "30m", "--by", "cpu");
    assert.match(stdout, /^the last 30m, by container_cpu_usage_seconds_total\n/);
    assert.match(stdout, /^search\/index +4 +1\.8 cores +2\.00 +0\.58 +- +\d(–\d)? +transparent$/m);
  });

  it("says what it looks for where there is nothing of it, or nobody answers", async () => {
    const none = await assess("--prometheus", both.url, "--by", "requests", "-n", "nowhere");
    assert.equal(none.code, 0);
    assert.match(none.stdout, /^nothing to compare in the last 1h/);
    const gone = await assess("--prometheus", "http://127.0.0.1:1");
    assert.equal(gone.code, 69);
    assert.match(gone.stderr, /^no Prometheus answers at http:\/\/127\.0\.0\.1:1: /);
    assert.equal((await assess()).code, 64);
  });
});

test("Pods saved: none where it is even, never the last two, and a single hot one makes only the upper end", () => {
  assert.deepEqual(podsSaved(20, skewOf(Array<number>(20).fill(5))), { from: 0, to: 0 });
  assert.deepEqual(podsSaved(3, skewOf([10, 1, 1])), { from: 1, to: 1 });
  const oneHot = skewOf([30, ...Array<number>(19).fill(10)]);
  assert.deepEqual(podsSaved(20, oneHot), { from: 0, to: 11 });
  const manyHot = skewOf([...Array<number>(5).fill(20), ...Array<number>(15).fill(5)]);
  assert.deepEqual(podsSaved(20, manyHot), { from: 9, to: 10 });
});

test("workloads are read from the names of Pods", () => {
  for (const [pod, workload] of [
    ["ledger-7c9f8b6d5d-xx2z4", "ledger"],
    ["my-app-v2-6b8d9f7c4-zzb4k", "my-app-v2"],
    ["store-12", "store"],
    ["agent-x7k2p", "agent"],
    ["single", "single"],
  ])
    assert.equal(workloadOf(pod!), workload);
});

test("what chance sends to another zone", () => {
  assert.equal(crossZoneShare(["a", "a"]), 0);
  assert.equal(crossZoneShare(["a", "b", "c", "c"]), 0.625);
  assert.equal(crossZoneShare(["a", undefined]), null);
});
