import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RawObject } from "../../src/kube/raw-object.ts";
import type { ServiceModel } from "../../src/resource/service.ts";
import { ControllerRig } from "./harness/controller-rig.ts";
import { metadata, rawEndpoint, rawService, rawSlice } from "./harness/raw-objects.ts";

const ECHO = "echo.shop:50051";

/** The same object, later. */
function later(object: RawObject, changes: object): RawObject {
  const { generation, resourceVersion } = metadata("later");
  const meta = { ...object.metadata, generation, resourceVersion } as NonNullable<RawObject["metadata"]>;
  return { ...object, metadata: meta, ...changes };
}

function annotated(name: string, annotations: Readonly<Record<string, string>>): RawObject {
  return rawService(name, {}, { annotations });
}

function policy(name: string, spec: object, service = "echo", createdAt = "2026-11-23T00:00:00Z"): RawObject {
  return {
    metadata: metadata(name, { creationTimestamp: createdAt }),
    spec: { targetRefs: [{ group: "", kind: "Service", name: service }], ...spec },
  };
}

function of(rig: ControllerRig, name = ECHO): ServiceModel {
  const service = rig.services.get(name);
  assert.ok(service, `there is no ${name}, only ${[...rig.services.keys()].join(", ")}`);
  return service;
}

describe("a Service", () => {
  it("is known by every spelling of its names and addresses", async () => {
    const rig = new ControllerRig();
    await rig.write("services", rawService("echo", { clusterIPs: ["10.96.0.7", "fd00:10::7"] }));
    assert.deepEqual(of(rig).authorities, [
      "echo.shop:50051",
      "echo.shop.svc:50051",
      "echo.shop.svc.cluster.local:50051",
      "10.96.0.7:50051",
      "[fd00:10::7]:50051",
      "echo.shop",
      "echo.shop.svc",
      "echo.shop.svc.cluster.local",
    ]);
  });

  it("is one service for each TCP port, and names without a port mean 80", async () => {
    const rig = new ControllerRig();
    const ports = [
      { name: "grpc", port: 50051, protocol: "TCP" },
      { name: "web", port: 80, protocol: "TCP", appProtocol: "http" },
      { name: "dns", port: 53, protocol: "UDP" },
    ];
    await rig.write("services", rawService("echo", { ports }));
    assert.deepEqual([...rig.services.keys()], [ECHO, "echo.shop:80"]);
    assert.ok(!of(rig).authorities.includes("echo.shop"));
    assert.ok(of(rig, "echo.shop:80").authorities.includes("echo.shop"));
    assert.equal(of(rig, "echo.shop:80").cluster.protocol, "http1");
  });

  it("that is headless has no addresses, and one that is a mere alias is none", async () => {
    const rig = new ControllerRig();
    const headless = rawService("echo", { clusterIP: "None", clusterIPs: ["None"] });
    await rig.write("services", headless, rawService("alias", { type: "ExternalName" }));
    assert.deepEqual([...rig.services.keys()], [ECHO]);
    assert.ok(of(rig).authorities.every((name) => name.startsWith("echo.shop")));
  });

  it("goes, comes back, and loses a port", async () => {
    const rig = new ControllerRig();
    const ports = [
      { name: "a", port: 1, protocol: "TCP" },
      { name: "b", port: 2, protocol: "TCP" },
    ];
    const service = rawService("echo", { ports });
    await rig.write("services", service);
    assert.deepEqual(await rig.write("services", later(service, { spec: { ports: [ports[0]] } })), [
      "+echo.shop:1",
      "-echo.shop:2",
    ]);
    assert.deepEqual(await rig.delete("services", service), ["-echo.shop:1"]);
    assert.deepEqual(await rig.write("services", later(service, {})), ["+echo.shop:1", "+echo.shop:2"]);
    assert.equal(rig.controller.given.services, 2);
  });

  it("keeps callers together for ClientIP, and near as trafficDistribution and internalTrafficPolicy say", async () => {
    const rig = new ControllerRig();
    await rig.write(
      "services",
      rawService("a", { sessionAffinity: "ClientIP" }),
      rawService("b", { trafficDistribution: "PreferSameNode" }),
      rawService("c", { internalTrafficPolicy: "Local" }),
      rawService("d", {}, { annotations: { "service.kubernetes.io/topology-mode": "Auto" } }),
    );
    const balancing = (name: string) => of(rig, `${name}.shop:50051`).cluster.settings.loadBalancing;
    assert.equal(balancing("a").policy, "ring_hash");
    assert.deepEqual(balancing("a").hash.keys, [{ kind: "source" }]);
    assert.equal(balancing("b").locality.distribution, "PreferSameNode");
    assert.equal(balancing("b").locality.strict, false);
    assert.equal(balancing("c").locality.distribution, "OnlySameNode");
    assert.equal(balancing("d").locality.distribution, "PreferSameZone");
  });
});

describe("a change", () => {
  it("that changes nothing is not told", async () => {
    const rig = new ControllerRig();
    const service = rawService("echo");
    const slice = rawSlice("a", "echo", [rawEndpoint("10.0.0.1", "p1")]);
    await rig.write("services", service);
    assert.deepEqual(await rig.write("slices", slice), [`+${ECHO}`]);
    assert.deepEqual(await rig.write("slices", later(slice, {})), []);
    assert.deepEqual(await rig.write("services", later(service, {})), []);
  });

  it("leaves what it does not touch as the same objects", async () => {
    const rig = new ControllerRig();
    const endpoints = [
      rawEndpoint("10.0.0.1", "p1"),
      rawEndpoint("10.0.0.2", "p2"),
      rawEndpoint("10.0.0.4", "p4"),
    ];
    const slice = rawSlice("a", "echo", endpoints);
    await rig.write("services", rawService("echo"));
    await rig.write("slices", slice);
    const before = of(rig).cluster;
    const more = [endpoints[0], rawEndpoint("10.0.0.3", "p3"), endpoints[2]];
    await rig.write("slices", later(slice, { endpoints: more }));
    const after = of(rig).cluster;
    assert.equal(after.settings, before.settings);
    assert.equal(after.endpoints[0], before.endpoints[0]);
    assert.equal(after.endpoints[2], before.endpoints[2]);
    assert.deepEqual(
      after.endpoints.map(({ address }) => address),
      ["10.0.0.1", "10.0.0.3", "10.0.0.4"],
    );
  });

  it("names its cause", async () => {
    const rig = new ControllerRig();
    await rig.write("services", rawService("echo"));
    const slice = rawSlice("a", "echo", [rawEndpoint("10.0.0.1", "p1")]);
    const managedFields = [
      { manager: "kube-controller-manager", time: "2026-11-23T00:00:01Z" },
      { manager: "somebody", time: "2026-11-23T00:00:00Z" },
    ];
    await rig.write("slices", { ...slice, metadata: { ...slice.metadata!, managedFields } });
    assert.deepEqual(of(rig).cause, {
      object: "EndpointSlice shop/a",
      resourceVersion: slice.metadata?.resourceVersion,
      verb: "ADDED",
      fieldManager: "kube-controller-manager",
    });
  });

  it("of a slice's Service moves its endpoints", async () => {
    const rig = new ControllerRig();
    await rig.write("services", rawService("echo"), rawService("other"));
    const slice = rawSlice("a", "echo", [rawEndpoint("10.0.0.1", "p1")]);
    await rig.write("slices", slice);
    const labels = { "kubernetes.io/service-name": "other" };
    const moved = later(slice, {});
    await rig.write("slices", {
      ...moved,
      metadata: { ...moved.metadata, labels } as RawObject["metadata"] & object,
    });
    assert.equal(of(rig).cluster.endpoints.length, 0);
    assert.equal(of(rig, "other.shop:50051").cluster.endpoints.length, 1);
    await rig.delete("slices", moved);
    assert.equal(of(rig, "other.shop:50051").cluster.endpoints.length, 0);
  });

  it("of a Node's zone reaches the Services on it", async () => {
    const rig = new ControllerRig();
    await rig.write("services", rawService("echo"), rawService("other"));
    await rig.write("slices", rawSlice("a", "echo", [rawEndpoint("10.0.0.1", "p1", { nodeName: "n1" })]));
    const node = (zone: string) => ({
      metadata: metadata("n1", { namespace: "", labels: { "topology.kubernetes.io/zone": zone } }),
    });
    assert.deepEqual(await rig.write("nodes", node("z1")), [`+${ECHO}`]);
    assert.deepEqual(await rig.write("nodes", node("z1")), []);
    await rig.write("nodes", node("z2"));
    assert.equal(of(rig).cluster.endpoints[0]?.zone, "z2");
  });

  it("of a Pod's labels reaches the Services that ask for them, and no others", async () => {
    const rig = new ControllerRig();
    await rig.write(
      "services",
      annotated("echo", { "isobar.dev/endpoint-labels": "shard" }),
      rawService("other"),
    );
    const endpoints = [rawEndpoint("10.0.0.1", "p1")];
    await rig.write("slices", rawSlice("a", "echo", endpoints), rawSlice("b", "other", endpoints));
    const pod = (shard: string) => ({ metadata: metadata("p1", { labels: { shard } }) });
    assert.deepEqual(await rig.write("pods", pod("1")), [`+${ECHO}`]);
    assert.deepEqual({ ...of(rig).cluster.endpoints[0]?.labels }, { shard: "1" });
    assert.deepEqual(await rig.write("pods", pod("1")), []);
    assert.deepEqual(await rig.write("pods", pod("2")), [`+${ECHO}`]);
  });
});

describe("annotations", () => {
  it("of a Service count before those of its Namespace", async () => {
    const rig = new ControllerRig();
    const annotations = {
      "isobar.dev/policy": "random",
      "isobar.dev/timeout": "5s",
      "isobar.dev/mode": "address",
    };
    await rig.write("namespaces", { metadata: metadata("shop", { namespace: "", annotations }) });
    await rig.write("services", annotated("echo", { "isobar.dev/policy": "round_robin" }));
    const { settings } = of(rig).cluster;
    assert.equal(settings.loadBalancing.policy, "round_robin");
    assert.equal(settings.timeouts.requestMs, 5_000);
    assert.deepEqual(rig.said.get("Namespace shop")?.problems, []);
  });

  it("say the simple things", async () => {
    const rig = new ControllerRig();
    const annotations = {
      "isobar.dev/policy": "maglev",
      "isobar.dev/hash-header": "x-user",
      "isobar.dev/zone-mode": "OnlySameZone",
      "isobar.dev/slow-start": "30s",
      "isobar.dev/idle-timeout": "5m",
      "isobar.dev/retries": "2",
      "isobar.dev/outlier-detection": "true",
      "isobar.dev/health-check": "http:/health",
      "isobar.dev/protocol": "http1",
    };
    await rig.write("services", annotated("echo", annotations));
    assert.deepEqual(rig.said.get("Service echo")?.problems, []);
    const { settings, protocol } = of(rig).cluster;
    const { policy, hash, locality, slowStart } = settings.loadBalancing;
    assert.equal(policy, "maglev");
    assert.deepEqual(hash.keys, [{ kind: "header", name: "x-user" }]);
    assert.equal(locality.strict, true);
    assert.equal(slowStart?.windowMs, 30_000);
    assert.deepEqual(settings.timeouts, { requestMs: 0, idleMs: 300_000 });
    assert.equal(settings.retries?.attempts, 2);
    assert.equal(settings.outlierDetection?.consecutiveFailures, 5);
    assert.deepEqual(settings.healthCheck?.probe, { kind: "http", path: "/health", port: 0 });
    assert.equal(protocol, "http1");
  });

  it("that are wrong are named and take no other with them", async () => {
    const rig = new ControllerRig();
    const annotations = {
      "isobar.dev/policy": "rnadom",
      "isobar.dev/timeot": "5s",
      "isobar.dev/retries": "many",
      "isobar.dev/idle-timeout": "1m",
    };
    await rig.write("services", annotated("echo", annotations));
    const { settings } = of(rig).cluster;
    assert.equal(settings.timeouts.idleMs, 60_000);
    assert.equal(settings.loadBalancing.policy, "least_request");
    assert.equal(settings.retries, null);
    const { problems = [], conditions = [] } = rig.said.get("Service echo") ?? {};
    assert.deepEqual(
      problems.map(({ field }) => field),
      [
        "metadata.annotations[isobar.dev/policy]",
        "metadata.annotations[isobar.dev/timeot]",
        "metadata.annotations[isobar.dev/retries]",
      ],
    );
    assert.match(problems[0]?.text ?? "", /found "rnadom", wanted least_request, round_robin/);
    assert.match(problems[1]?.text ?? "", /did you mean isobar\.dev\/timeout\?/);
    assert.equal(conditions[0]?.status, "False");
  });

  it("that turn bad go on saying what they said last, until they are taken away", async () => {
    const rig = new ControllerRig();
    const service = annotated("echo", { "isobar.dev/policy": "random" });
    await rig.write("services", service);
    const withPolicy = (value: string | undefined) => {
      const next = later(service, {});
      const annotations = value === undefined ? {} : { "isobar.dev/policy": value };
      return { ...next, metadata: { ...next.metadata, annotations } as NonNullable<RawObject["metadata"]> };
    };
    assert.deepEqual(await rig.write("services", withPolicy("rnadom")), []);
    assert.equal(of(rig).cluster.settings.loadBalancing.policy, "random");
    await rig.write("services", withPolicy(undefined));
    assert.equal(of(rig).cluster.settings.loadBalancing.policy, "least_request");
  });
});

describe("a TrafficPolicy", () => {
  it("counts before annotations, section by section", async () => {
    const rig = new ControllerRig();
    await rig.write(
      "services",
      annotated("echo", {
        "isobar.dev/zone-mode": "none",
        "isobar.dev/policy": "random",
        "isobar.dev/timeout": "9s",
      }),
    );
    await rig.write(
      "policies",
      policy("fast", { loadBalancer: { policy: "round_robin", slowStart: { windowMs: 500 } } }),
    );
    const { loadBalancing, timeouts } = of(rig).cluster.settings;
    assert.equal(loadBalancing.policy, "round_robin");
    assert.equal(loadBalancing.slowStart?.windowMs, 500);
    assert.equal(loadBalancing.locality.distribution, "none");
    assert.equal(timeouts.requestMs, 9_000);
    assert.equal(rig.said.get("TrafficPolicy fast")?.conditions[0]?.reason, "Accepted");
    assert.equal(of(rig).cause?.object, "TrafficPolicy shop/fast");
  });

  it("that is wrong is named by field, and its last good version stays", async () => {
    const rig = new ControllerRig();
    await rig.write("services", rawService("echo"), rawService("other"));
    const good = policy("p", { retries: { attempts: 4 } });
    await rig.write("policies", good);
    const spec = {
      targetRefs: [{ group: "", kind: "Service", name: "echo" }],
      loadBalancer: { locality: { lowLoadRatio: 2, highLoadRatio: 1 } },
    };
    assert.deepEqual(await rig.write("policies", later(good, { spec })), []);
    assert.equal(of(rig).cluster.settings.retries?.attempts, 4);
    const { conditions = [], problems = [] } = rig.said.get("TrafficPolicy p") ?? {};
    assert.deepEqual([conditions[0]?.status, conditions[0]?.reason], ["False", "Invalid"]);
    assert.match(
      conditions[0]?.message ?? "",
      /spec\.loadBalancer\.locality\.lowLoadRatio: found 2, wanted less than highLoadRatio \(1\).*; its last good version stays in force/,
    );
    assert.equal(problems[0]?.field, "spec.loadBalancer.locality.lowLoadRatio");
  });

  it("may not name a module of its own, and says so of unknown keys too", async () => {
    const rig = new ControllerRig();
    await rig.write("services", rawService("echo"));
    await rig.write("policies", policy("p", { loadBalancer: { policy: "module:./evil.ts" }, retires: {} }));
    const [condition] = rig.said.get("TrafficPolicy p")?.conditions ?? [];
    assert.match(condition?.message ?? "", /spec\.loadBalancer\.policy: found "module:\.\/evil\.ts"/);
    assert.match(
      condition?.message ?? "",
      /spec\.retires: found the unknown key "retires".*did you mean "retries"\?/,
    );
    assert.match(condition?.message ?? "", /nothing of it is in force/);
  });

  it("that is older counts, and the other one is told; when it goes the other takes its place", async () => {
    const rig = new ControllerRig();
    await rig.write("services", rawService("echo"));
    const young = policy("young", { timeouts: { request: "1s" } }, "echo", "2026-11-23T02:00:00Z");
    const old = policy("old", { timeouts: { request: "2s" } }, "echo", "2026-11-23T01:00:00Z");
    await rig.write("policies", young);
    await rig.write("policies", old);
    assert.equal(of(rig).cluster.settings.timeouts.requestMs, 2_000);
    assert.equal(rig.said.get("TrafficPolicy young")?.conditions[0]?.reason, "Conflicted");
    await rig.delete("policies", old);
    assert.equal(of(rig).cluster.settings.timeouts.requestMs, 1_000);
    assert.equal(rig.said.get("TrafficPolicy young")?.conditions[0]?.reason, "Accepted");
  });

  it("without its Service says so, and takes effect when that comes", async () => {
    const rig = new ControllerRig();
    await rig.write("policies", policy("p", { timeouts: { request: "1s" } }));
    assert.equal(rig.said.get("TrafficPolicy p")?.conditions[0]?.reason, "TargetNotFound");
    await rig.write("services", rawService("echo"));
    assert.equal(of(rig).cluster.settings.timeouts.requestMs, 1_000);
    assert.equal(rig.said.get("TrafficPolicy p")?.conditions[0]?.reason, "Accepted");
  });
});

it("a fault at one key leaves the others alone, and the log names it", async () => {
  const rig = new ControllerRig();
  const broken = { ...rawService("broken"), spec: { ports: [{ name: 7, port: 1 }] } };
  const told = await rig.write("services", broken as RawObject, rawService("echo"));
  assert.deepEqual(told, [`+${ECHO}`]);
  assert.match(rig.faults.join(), /service\/shop\/broken/);
});
