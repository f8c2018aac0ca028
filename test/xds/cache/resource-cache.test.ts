import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Route } from "../../../src/resource/route.ts";
import { ResourceCache } from "../../../src/xds/cache/resource-cache.ts";
import type { ResourceChange } from "../../../src/xds/cache/resource-source.ts";
import { ClientViews } from "../../../src/xds/resources/client-view.ts";
import { TYPE_URL } from "../../../src/xds/resources/type-url.ts";
import { service } from "../service-builder.ts";

const A = "a.default:80";
const { listener, routeConfiguration, cluster, loadAssignment } = TYPE_URL;
const views = new ClientViews();
const grpcInA = views.of("grpc", "r", "a");
const grpcInB = views.of("grpc", "r", "b");

function watched() {
  const cache = new ResourceCache();
  const changes: ResourceChange[] = [];
  let syncs = 0;
  cache.watch(
    (change) => changes.push(change),
    () => syncs++,
  );
  const touched = () =>
    changes
      .splice(0)
      .flatMap(({ resources }) => resources.map(({ type, name }) => `${type.split(".").at(-1)} ${name}`))
      .sort();
  return { cache, touched, syncs: () => syncs };
}

describe("ResourceCache", () => {
  it("tells of what may have changed and of nothing else", () => {
    const { cache, touched } = watched();
    cache.upsert(service(A, 1));
    assert.deepEqual(touched(), [
      `Cluster ${A}`,
      `ClusterLoadAssignment ${A}`,
      `Listener ${A}`,
      `RouteConfiguration ${A}`,
      "RouteConfiguration isobar",
    ]);
    cache.upsert(service(A, 2));
    assert.deepEqual(touched(), [`ClusterLoadAssignment ${A}`]);
    cache.upsert(service(A, 2, { cluster: { connectTimeoutMs: 9 } }));
    assert.deepEqual(touched(), [`Cluster ${A}`]);
    cache.upsert(service(A, 2, { cluster: { connectTimeoutMs: 9 } }));
    assert.deepEqual(touched(), []);
    cache.remove("nobody:1");
    assert.deepEqual(touched(), []);
  });

  it("encodes once for all who are alike", () => {
    const { cache } = watched();
    cache.upsert(service(A, 1));
    assert.equal(cache.find(loadAssignment, A, grpcInA), cache.find(loadAssignment, A, grpcInA));
    assert.notEqual(cache.find(loadAssignment, A, grpcInA), cache.find(loadAssignment, A, grpcInB));
    assert.equal(cache.find(cluster, A, grpcInA), cache.find(cluster, A, grpcInB));
    const before = cache.find(cluster, A, grpcInA);
    cache.upsert(service(A, 2));
    assert.equal(cache.find(cluster, A, grpcInA), before);
  });

  it("has a listener for every spelling, and takes back those that went", () => {
    const { cache, touched } = watched();
    cache.upsert(service(A, 1, { authorities: [A, "a.default.svc:80"] }));
    assert.equal(cache.find(listener, "a.default.svc:80", grpcInA)?.name, "a.default.svc:80");
    touched();
    cache.upsert(service(A, 1, { authorities: [A] }));
    assert.equal(cache.find(listener, "a.default.svc:80", grpcInA), undefined);
    assert.ok(touched().includes("Listener a.default.svc:80"));
    assert.notEqual(cache.find(listener, A, grpcInA), undefined);
  });

  it("lets a spelling pass from one service to another", () => {
    const { cache } = watched();
    cache.upsert(service("b:1", 1, { authorities: ["shared:1"] }));
    cache.upsert(service(A, 1, { authorities: [A, "shared:1"] }));
    cache.remove("b:1");
    assert.notEqual(cache.find(listener, "shared:1", grpcInA), undefined);
  });

  it("is synced once, and forgets what is removed", () => {
    const { cache, syncs } = watched();
    cache.upsert(service(A, 3));
    assert.equal(cache.isSynced, false);
    cache.synced();
    cache.synced();
    assert.equal(syncs(), 1);
    assert.deepEqual([cache.serviceCount, cache.endpointCount], [1, 3]);
    cache.remove(A);
    for (const type of [listener, routeConfiguration, cluster, loadAssignment])
      assert.equal(cache.find(type, A, grpcInA), undefined);
    assert.deepEqual([cache.serviceCount, cache.endpointCount], [0, 0]);
  });

  it("names versions by the content alone: that it is meant is no part of it, so that replicas agree", () => {
    const { cache, touched } = watched();
    cache.upsert(service(A, 1));
    cache.upsert(service(A, 0));
    const isobar = () => cache.find(loadAssignment, A, views.of("isobar", "", ""))!;
    const before = isobar();
    touched();
    cache.upsert({ ...service(A, 0), deliberate: true });
    assert.deepEqual(touched(), []);
    cache.upsert(service(A, 1));
    cache.upsert({ ...service(A, 0), deliberate: true });
    assert.equal(isobar().version, before.version);
    const isMeant = (octets: Uint8Array) => Buffer.from(octets).includes("deliberate");
    assert.deepEqual([isMeant(before.inDelta), isMeant(isobar().inDelta)], [false, true]);
    assert.ok(!isMeant(cache.find(loadAssignment, A, views.of("envoy", "", ""))!.inDelta));
  });

  it("keeps endpoints of a Local service by node, once for all nodes that have none", () => {
    const { cache } = watched();
    const local = service(A, 2);
    const { settings } = local.cluster;
    const { loadBalancing } = settings;
    const locality = { ...loadBalancing.locality, distribution: "OnlySameNode" } as const;
    const endpoints = local.cluster.endpoints.map((each, i) => ({ ...each, node: `n${i}` }));
    cache.upsert({
      ...local,
      cluster: {
        ...local.cluster,
        endpoints,
        settings: { ...settings, loadBalancing: { ...loadBalancing, locality } },
      },
    });
    const on = (node: string) => cache.find(loadAssignment, A, views.of("grpc", "r", "a", node));
    assert.notEqual(on("n0")?.version, on("n1")?.version);
    assert.equal(on("n0"), on("n0"));
    assert.equal(on("made-up-1"), on("made-up-2"));
    assert.notEqual(on("made-up-1"), on("n0"));
  });

  it("serves on what a service was when it becomes what cannot be encoded, and spares the others", () => {
    const faults: string[] = [];
    const cache = new ResourceCache((name, type) => faults.push(`${name} ${type.split(".").at(-1)}`));
    const route = (weight: number): Route => ({
      name: "split",
      authorities: [A],
      matches: [],
      clusters: [
        { name: A, weight },
        { name: "b:1", weight: 1 },
      ],
      sticky: null,
      endpoints: null,
      policy: null,
      requestHeaders: null,
      responseHeaders: null,
      mirror: null,
    });
    const envoy = views.of("envoy", "", "");
    cache.upsert(service(A, 1, { routes: [route(1)] }));
    cache.upsert(service("b:1", 1));
    const good = cache.find(routeConfiguration, A, envoy);
    const all = cache.find(routeConfiguration, "isobar", envoy)!;
    cache.upsert(service(A, 1, { routes: [route(0.5)] }));
    assert.equal(cache.find(routeConfiguration, A, envoy), good);
    assert.equal(cache.find(routeConfiguration, A, envoy), good);
    assert.equal(cache.find(routeConfiguration, "isobar", envoy)!.version, all.version);
    assert.deepEqual(faults, [`${A} RouteConfiguration`, `${A} RouteConfiguration`]);
    cache.upsert(service("c:1", 1, { routes: [route(0.5)] }));
    assert.equal(cache.find(routeConfiguration, "c:1", envoy), undefined);
    assert.notEqual(cache.find(cluster, "c:1", envoy), undefined);
    cache.upsert(service(A, 1, { routes: [route(2)] }));
    assert.notEqual(cache.find(routeConfiguration, A, envoy)?.version, good?.version);
  });

  it("tells places apart up to a number, so that clients cannot fill it with places", () => {
    const many = new ClientViews();
    const ids = new Set(Array.from({ length: 5_000 }, (_, n) => many.of("grpc", "r", `zone-${n}`).id));
    assert.ok(ids.size <= 257, String(ids.size));
  });
});
