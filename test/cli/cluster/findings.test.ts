import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeStatus, ServiceStatus } from "../../../src/admin/node-status.ts";
import { clashesWith } from "../../../src/cli/cluster/address-clash.ts";
import type { ClusterView } from "../../../src/cli/cluster/cluster-view.ts";
import { doctorFindings } from "../../../src/cli/cluster/doctor-findings.ts";
import { findingsText } from "../../../src/cli/cluster/finding.ts";
import { isNewEnough } from "../../../src/cli/cluster/kernel-finding.ts";
import { isAnswered, lookedAt } from "../../../src/cli/cluster/looked-at.ts";
import { namespaceRates } from "../../../src/cli/cluster/namespace-rates.ts";
import { obstaclesOfPods } from "../../../src/cli/cluster/pod-obstacles.ts";
import { quantileMs, serviceRates } from "../../../src/cli/cluster/service-rates.ts";
import { failsHow, statusText } from "../../../src/cli/cluster/status-text.ts";
import { topText } from "../../../src/cli/cluster/top-text.ts";

const CAPTURE: NonNullable<NodeStatus["capture"]> = {
  generation: "g1",
  current: "g1",
  alive: true,
  open: true,
  closedBecause: "",
  planInForce: true,
  inert: false,
  capturedTotal: 10,
  reclaimedTotal: 0,
  refusedTotal: 0,
  failOpenSeconds: 0,
  namespaces: [{ namespace: "shop", transparent: 3, proxyEnv: 0, address: 0, off: 1, failClosed: 1 }],
};

function node(name: string, more: Partial<NodeStatus> = {}): NodeStatus {
  return {
    format: 1,
    atMs: 1_000,
    node: name,
    version: "0.1.0",
    uptimeSeconds: 100,
    residentOctets: 90 * 1_048_576,
    notReady: "",
    capture: CAPTURE,
    controlPlane: null,
    services: [],
    ...more,
  };
}

function service(requests: readonly number[], more: Partial<ServiceStatus> = {}): ServiceStatus {
  return {
    name: "echo.shop:50051",
    policy: "least_request",
    trouble: "",
    requests: requests.reduce((sum, each) => sum + each, 0),
    errors: 0,
    inFlight: 0,
    queued: 0,
    durations: [],
    sameZoneOctets: 0,
    crossZoneOctets: 0,
    spliced: 0,
    bypassed: 0,
    endpoints: requests.map((count, i) => ({
      address: `10.0.0.${i}:1`,
      zone: "ab"[i % 2]!,
      requests: count,
      errors: 0,
      inFlight: 0,
      health: "healthy",
      setAsideFor: [],
    })),
    ...more,
  };
}

function view(...nodes: readonly NodeStatus[]): ClusterView {
  return {
    nodes: nodes.map((value) => ({ name: value.node, value, problem: "" })),
    controlPlanes: [],
    pods: undefined,
    namespaces: undefined,
    leftAlone: undefined,
    notes: [],
  };
}

function checksOf(seen: ClusterView): string[] {
  return doctorFindings(seen)
    .filter(({ level }) => level !== "good")
    .map(({ level, check }) => `${level} ${check}`);
}

test("a fleet that is well gives no reason to act", () => {
  assert.deepEqual(checksOf(view(node("n1"), node("n2"))), []);
});

test("each thing that is wrong is found, with what to do", () => {
  const cases: readonly (readonly [Partial<NodeStatus>, string])[] = [
    [{ notReady: "waiting for a first snapshot" }, "bad ready"],
    [{ capture: { ...CAPTURE, open: false, closedBecause: "its canaries fail" } }, "bad capture"],
    [{ capture: { ...CAPTURE, inert: true } }, "bad capture"],
    [{ capture: { ...CAPTURE, planInForce: false } }, "warning capture"],
    [{ capture: { ...CAPTURE, failOpenSeconds: 4 } }, "warning failed open"],
    [{ version: "0.2.0" }, "warning versions"],
    [{ controlPlane: { ...LINK, connected: false } }, "bad control plane"],
    [
      { controlPlane: { ...LINK, refusedCount: 1, refused: [{ type: "c", name: "x", problem: "y" }] } },
      "bad refused",
    ],
    [{ controlPlane: { ...LINK, heldBack: { "echo.shop:50051": 4 } } }, "warning held back"],
    [{ services: [service([1], { trouble: "DNS: SERVFAIL" })] }, "warning discovery"],
    [{ services: [service([1], { bypassed: 7 })] }, "warning past the proxy"],
    [
      { services: [service([1], { endpoints: [{ ...service([1]).endpoints[0]!, health: "unhealthy" }] })] },
      "bad endpoints",
    ],
  ];
  for (const [more, wanted] of cases) {
    const seen = view(node("n1"), node("n2", more));
    assert.deepEqual(checksOf(seen), [wanted]);
    for (const { level, toDo } of doctorFindings(seen)) assert.ok(level === "good" || toDo !== "", wanted);
  }
});

const LINK: NonNullable<NodeStatus["controlPlane"]> = {
  address: "10.0.0.1:18000",
  connected: true,
  refusedCount: 0,
  refused: [],
  unconfirmed: 0,
  heldBack: {},
};

test("without a control plane that answers it is said what was looked at, and what not", () => {
  const linked = view(node("n1", { controlPlane: LINK }));
  const silent = { name: "cp-0", value: undefined, problem: "refused" };
  const [told] = lookedAt({ ...linked, controlPlanes: [silent], pods: [], namespaces: [] });
  assert.equal(told!.level, "warning");
  assert.match(
    told!.found,
    /^1 of 1 proxies, what they say of their streams to the control plane, Isobar's Pods, namespaces' annotations; not the control plane itself: /,
  );
  const [rights] = lookedAt({ ...view(), notes: ["not shown, because …"] });
  assert.match(rights!.found, /^nothing; not the control plane itself: /);
  assert.deepEqual(
    lookedAt(linked).map(({ level }) => level),
    ["good"],
    "a proxy alone was asked, as was wanted",
  );
  const answers = { name: "cp-0", value: { stats: {}, clients: [] }, problem: "" };
  assert.deepEqual(lookedAt({ ...linked, controlPlanes: [silent, answers], pods: [] }), []);
  assert.deepEqual(lookedAt(view(node("n1"))), [], "it has none");
});

test("nobody has answered where no proxy, no control plane and no API server has", () => {
  const silent = { name: "a", value: undefined, problem: "refused" };
  assert.ok(!isAnswered({ ...view(), nodes: [silent], controlPlanes: [silent] }));
  assert.ok(isAnswered(view(node("n1"))));
  assert.ok(isAnswered({ ...view(), nodes: [silent], namespaces: [] }));
});

test("what is bad comes first, and many names are cut", () => {
  const where = ["a", "b", "c", "d", "e", "f", "g"];
  const text = findingsText([
    { level: "good", check: "kernel", where: [], found: "6.8", toDo: "" },
    { level: "bad", check: "socket LB", where, found: "is on", toDo: "turn it off" },
  ]);
  assert.equal(text, "✗ socket LB: is on (a, b, c, d, e and 2 more)\n    → turn it off\n✓ kernel: 6.8\n");
});

test("status counts Pods of a node once, whatever generations it runs, and says how namespaces fail", () => {
  const other = node("n1", { capture: { ...CAPTURE, generation: "g2" } });
  const text = statusText(view(node("n1"), other, node("n2")), "");
  assert.match(text, /^shop +\? +6 of 8 +open, closed +0$/m);
  assert.match(text, /^n1 .* g2 \(not the current one\)/m);
  assert.equal(
    failsHow({ transparent: 0, failClosed: 0, proxyEnv: 2, address: 0, off: 0 }),
    "closed (its clients dial the proxy)",
  );
});

test("rates are of the time between two looks, over all nodes", () => {
  const later = { atMs: 3_000 };
  const rates = serviceRates(
    [node("n1", { services: [service([0, 0])] }), node("n2", { services: [service([100, 100])] })],
    [
      node("n1", { ...later, services: [service([30, 10])] }),
      node("n2", { ...later, services: [service([130, 130], { errors: 5, bypassed: 2 })] }),
    ],
  );
  assert.equal(rates.length, 1);
  const [rate] = rates;
  assert.equal(rate!.requestsPerSecond, 50);
  assert.equal(rate!.maxOverMean, 1.2);
  assert.equal(rate!.errorRate, 0.05);
  assert.equal(rate!.bypassed, 2);
});

test("namespaces have their Pods' channels and requests, those for their Services, and what goes past", () => {
  const source = (requests: number, channels: number, throttledSeconds = 0) => [
    { namespace: "shop", requests, channels, throttledSeconds },
  ];
  const bank = (requests: number) =>
    service([requests], { name: "ledger.bank:50051", bypassed: 2, spliced: 1, upstreamConnections: 3 });
  const before = [
    node("n1", { services: [bank(100)], sources: source(70, 9) }),
    node("n2", { services: [bank(0)] }),
  ];
  const g2 = { ...CAPTURE, generation: "g2" };
  const after = [
    node("n1", { atMs: 3_000, services: [bank(180)], sources: source(110, 4, 1) }),
    // A generation that is new to us, of a node whose Pods and connections past it have been counted.
    node("n1", { atMs: 3_000, uptimeSeconds: 2, capture: g2, services: [bank(20)], sources: source(20, 5) }),
    // Older than these fields: whose its requests are is not known, and not said to be nobody's.
    node("n2", { atMs: 3_000, services: [bank(20)] }),
  ];
  const rates = namespaceRates(before, after, serviceRates(before, after));
  assert.deepEqual(rates, [
    {
      name: "shop",
      pods: 6,
      channels: 9,
      requestsFromPerSecond: 30,
      throttledPerSecond: 0.5,
      requestsToPerSecond: 0,
      upstreamConnections: 0,
      spliced: 0,
      bypassed: 0,
    },
    {
      name: "bank",
      pods: 0,
      channels: 0,
      requestsFromPerSecond: 0,
      throttledPerSecond: 0,
      requestsToPerSecond: 60,
      upstreamConnections: 9,
      spliced: 3,
      bypassed: 4,
    },
    { ...rates[0]!, name: "unknown", pods: 0, channels: 0, requestsFromPerSecond: 20, throttledPerSecond: 0 },
  ]);
  const text = topText(
    { nodes: after, asked: 3, services: [], namespaces: rates, namespace: "" },
    "namespace",
  );
  assert.match(text, /^3 of 3 nodes, 30 connections captured so far\n\nNAMESPACE +PODS +CHANNELS /);
  assert.match(text, /^shop +6 +9 +30\.0 +0\.50 s\/s +0\.0 +0 +0 +0$/m);
  assert.match(text, /^bank +0 +0 +0\.0 +0\.00 s\/s +60\.0 +9 +3 +4$/m);
});

test("a proxy that began anew counts from there, and too few requests have no skew", () => {
  const [rate] = serviceRates(
    [node("n1", { services: [service([100, 100])] })],
    [node("n1", { atMs: 2_000, services: [service([3, 1])] })],
  );
  assert.equal(rate!.requestsPerSecond, 4);
  assert.ok(Number.isNaN(rate!.maxOverMean));
});

test("quantiles lie within their bucket, as Prometheus has them", () => {
  // 50 µs, 100 µs, 300 µs, 1 ms, 2 ms, …
  assert.equal(quantileMs([0, 0, 0, 0, 10], 0.5), 1.5);
  assert.equal(quantileMs([10, 0, 0, 0, 10], 0.25), 0.025);
  assert.equal(quantileMs([...Array<number>(16).fill(0), 3], 0.99), 20_000);
  assert.ok(Number.isNaN(quantileMs([], 0.5)));
});

test("addresses clash that have one in common with ours; a default route does not", () => {
  for (const text of [
    "240.18.3.0/24",
    "240.0.0.0/4",
    "169.254.0.0/16",
    "169.254.77.1",
    "fd00::/16",
    "fd00:77::5",
  ])
    assert.notEqual(clashesWith(text), undefined, text);
  for (const text of [
    "240.19.0.0/16",
    "10.0.0.0/8",
    "169.254.169.254",
    "0.0.0.0/0",
    "::/0",
    "fd00:78::/64",
    "default",
  ])
    assert.equal(clashesWith(text), undefined, text);
});

test("kernels from 5.9 on will do", () => {
  for (const release of ["5.9.0", "5.10.0-30-amd64", "6.1.0", "10.0.1"])
    assert.ok(isNewEnough(release), release);
  for (const release of ["5.8.18", "4.19.0-26-cloud-amd64", ""]) assert.ok(!isNewEnough(release), release);
});

test("Pods with proxies of their own, in a mesh or on their node's network are told", () => {
  const found = obstaclesOfPods([
    {
      metadata: { name: "a" },
      spec: { containers: [{ name: "c", env: [{ name: "NO_PROXY", value: ".svc" }] }] },
    },
    { metadata: { name: "b" }, spec: { hostNetwork: true, containers: [] } },
    { metadata: { name: "m" }, spec: { containers: [{ name: "istio-proxy" }] } },
  ]);
  assert.deepEqual(
    found.map(({ check, where }) => `${check} ${where.join()}`),
    ["host network b", "mesh m", "proxy variables a"],
  );
  assert.deepEqual(
    obstaclesOfPods([{ metadata: { name: "a" }, spec: { containers: [] } }]).map(({ level }) => level),
    ["good"],
  );
});
