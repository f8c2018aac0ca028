import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Cluster } from "../../src/resource/cluster.ts";
import { CLUSTER_PROTOCOLS, H2_UPGRADE_POLICIES } from "../../src/resource/cluster.ts";
import { CLUSTER_SETTINGS_DEFAULTS, clusterSettings } from "../../src/resource/cluster-settings.ts";
import { ClusterSnapshot } from "../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../src/resource/encode-cluster-snapshot.ts";
import type { EndpointHealth } from "../../src/resource/endpoint.ts";
import { endpointKey, HEALTH_CODE, MAX_ENDPOINT_WEIGHT } from "../../src/resource/endpoint.ts";
import { keyHashes } from "../../src/resource/key-hashes.ts";
import { LOAD_BALANCING_POLICIES } from "../../src/resource/load-balancing.ts";
import { SlotRegistry } from "../../src/resource/slot-registry.ts";
import { HeaderWord } from "../../src/resource/snapshot-layout.ts";
import { cluster, endpoint } from "./cluster-builder.ts";

const record = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(fields, { noNullPrototype: true });
const endpoints = fc.uniqueArray(
  record({
    key: fc.string({ unit: "grapheme", minLength: 1 }),
    address: fc.oneof(fc.ipV4(), fc.ipV6()),
    port: fc.integer({ min: 1, max: 65_535 }),
    zone: fc.constantFrom("", "zone-a", "zone-b", "zone-ü"),
    region: fc.constantFrom("", "region-1", "region-2"),
    node: fc.constantFrom("", "node-1", "knoten-ü"),
    priority: fc.nat(127),
    labels: fc.constantFrom<Record<string, string>>({}, { shard: "7" }, { shard: "7", canary: "ü" }),
    weight: fc.integer({ min: 1, max: MAX_ENDPOINT_WEIGHT }),
    health: fc.constantFrom<EndpointHealth>("healthy", "unhealthy", "draining"),
  }),
  { selector: ({ key }) => key },
);
const clusters: fc.Arbitrary<Cluster> = record({
  name: fc.string({ unit: "grapheme" }),
  settings: fc.constantFrom(...LOAD_BALANCING_POLICIES).map((policy) => ({
    ...CLUSTER_SETTINGS_DEFAULTS,
    loadBalancing: { ...CLUSTER_SETTINGS_DEFAULTS.loadBalancing, policy },
  })),
  connectTimeoutMs: fc.nat(),
  maxConnectionsPerEndpoint: fc.nat(),
  maxPendingStreams: fc.nat(),
  protocol: fc.constantFrom(...CLUSTER_PROTOCOLS),
  h2UpgradePolicy: fc.constantFrom(...H2_UPGRADE_POLICIES),
  keepaliveTimeMs: fc.nat(),
  keepaliveTimeoutMs: fc.nat(),
  tlsIdentity: fc.nat(),
  endpoints,
});

function encode(source: Cluster, registry = new SlotRegistry({ workerCount: 1 })): ClusterSnapshot {
  return new ClusterSnapshot(encodeClusterSnapshot(source, registry.assign(source)));
}

test("a snapshot says what its cluster says", () => {
  fc.assert(
    fc.property(clusters, (source) => {
      const view = encode(source);
      const { settings, connectTimeoutMs, maxConnectionsPerEndpoint, maxPendingStreams } = view;
      const { protocol, h2UpgradePolicy, keepaliveTimeMs, keepaliveTimeoutMs, tlsIdentity } = view;
      const seen = Array.from({ length: view.count }, (_, i) => ({
        key: view.keyAt(i),
        address: view.addressAt(i),
        port: view.portAt(i),
        zone: view.zoneAt(i),
        region: view.regionAt(i),
        node: view.nodeAt(i),
        priority: view.priorityAt(i),
        labels: view.labelsAt(i),
        weight: view.weightAt(i),
        health: (Object.keys(HEALTH_CODE) as EndpointHealth[])[view.healthAt(i)]!,
      }));
      assert.deepEqual(
        {
          name: view.name,
          settings,
          connectTimeoutMs,
          maxConnectionsPerEndpoint,
          maxPendingStreams,
          protocol,
          h2UpgradePolicy,
          keepaliveTimeMs,
          keepaliveTimeoutMs,
          tlsIdentity,
          endpoints: seen,
        },
        source,
      );
      assert.ok(view.isIntact());
    }),
    { numRuns: 200 },
  );
});

test("a snapshot carries the slots and generations it was given", () => {
  const registry = new SlotRegistry({ workerCount: 1 });
  const first = encode(cluster([endpoint(1), endpoint(2)]), registry);
  encode(cluster([endpoint(2)]), registry);
  registry.acknowledge(0, [first.slotAt(0)]);
  const second = encode(cluster([endpoint(2), endpoint(3)]), registry);
  assert.equal(second.slotAt(0), first.slotAt(1));
  assert.equal(second.slotAt(1), first.slotAt(0));
  assert.deepEqual([second.generationAt(0), second.generationAt(1)], [1, 2]);
  assert.equal(second.clusterSlot, first.clusterSlot);
});

test("the content hash does not depend on slots", () => {
  const busy = new SlotRegistry({ workerCount: 1 });
  busy.assign(cluster([endpoint(8, {}, "other:1"), endpoint(9, {}, "other:1")], { name: "other:1" }));
  const source = cluster([endpoint(1), endpoint(2)]);
  const [here, there] = [encode(source), encode(source, busy)];
  assert.notEqual(here.slotAt(0), there.slotAt(0));
  assert.equal(here.contentHash, there.contentHash);
  assert.match(here.contentHash, /^[0-9a-f]{16}$/);
});

test("every part of the content changes the hash", () => {
  const source = cluster([endpoint(1), endpoint(2)]);
  const variants: Cluster[] = [
    source,
    { ...source, name: "other:1" },
    { ...source, settings: clusterSettings({ loadBalancing: { policy: "random" } }) },
    { ...source, connectTimeoutMs: 1 },
    { ...source, maxConnectionsPerEndpoint: 1 },
    { ...source, maxPendingStreams: 1 },
    cluster([endpoint(2), endpoint(1)]),
    cluster([endpoint(1)]),
    cluster([]),
    cluster([endpoint(1), endpoint(2, { weight: 2 })]),
    cluster([endpoint(1), endpoint(2, { port: 2 })]),
    cluster([endpoint(1), endpoint(2, { zone: "zone-b" })]),
    cluster([endpoint(1, { zone: "zone-b" }), endpoint(2, { zone: "zone-b" })]),
    cluster([endpoint(1), endpoint(2, { health: "draining" })]),
    cluster([endpoint(1), endpoint(2, { health: "unhealthy" })]),
    cluster([endpoint(1), endpoint(2, { address: "10.0.0.9" })]),
    cluster([endpoint(1), endpoint(2, { key: "other" })]),
    cluster([endpoint(1), endpoint(2, { region: "r" })]),
    cluster([endpoint(1), endpoint(2, { node: "n" })]),
    cluster([endpoint(1), endpoint(2, { priority: 1 })]),
    cluster([endpoint(1), endpoint(2, { labels: { a: "b" } })]),
  ];
  const hashes = variants.map((variant) => encode(variant).contentHash);
  assert.equal(new Set(hashes).size, variants.length);
});

test("a flipped bit in the content is found", () => {
  const { buffer } = encode(cluster([endpoint(1), endpoint(2)]));
  const words = new Int32Array(buffer);
  // Endpoint count and octets in all are the structure itself; the words behind them are plain content.
  for (const word of [8, 9, 10, 11, 18, 19, 20, words.length - 1]) {
    words[word]! ^= 1 << 16;
    assert.equal(new ClusterSnapshot(buffer).isIntact(), false, `word ${word}`);
    words[word]! ^= 1 << 16;
  }
  assert.ok(new ClusterSnapshot(buffer).isIntact());
});

test("octets that are no snapshot of this format are refused with the reason", () => {
  const whole = new Uint8Array(encode(cluster([endpoint(1)])).buffer);
  const changed = (word: number, value: number) => {
    const words = new Int32Array(whole.slice().buffer);
    words[word] = value;
    return words.buffer;
  };
  const refused: [ArrayBuffer, RegExp][] = [
    [new ArrayBuffer(8), /found 8 octets, wanted at least 128/],
    [whole.slice(0, whole.length - 1).buffer, /multiple of 8/],
    [whole.slice(0, whole.length - 8).buffer, new RegExp(`wanted ${whole.length}`)],
    [changed(0, 7), /these octets are something else/],
    [changed(1, 3), /found format version 3, wanted 5/],
    [changed(6, -1), /endpoint and zone counts do not fit/],
    [changed(6, 1000), /endpoint and zone counts do not fit/],
    [changed(7, 2 ** 31 - 1), /endpoint and zone counts do not fit/],
  ];
  for (const [buffer, reason] of refused) assert.throws(() => new ClusterSnapshot(buffer), reason);
});

test("opening a cluster of 10,000 endpoints decodes none of them", () => {
  const many = Array.from({ length: 10_000 }, (_, n) => endpoint(n));
  const { buffer } = encode(cluster(many));
  const startMs = performance.now();
  for (let i = 0; i < 1000; i++) new ClusterSnapshot(buffer);
  // 10,000 decoded strings take about 2 ms; 1,000 opened headers together may take a fraction of 1,000 times that.
  assert.ok(performance.now() - startMs < 400);
});

test("hashes of keys are in snapshots of policies that hash, and in no other", () => {
  for (const policy of LOAD_BALANCING_POLICIES) {
    const source = cluster([endpoint(1), endpoint(2), endpoint(3, { zone: "zone-b" })], {
      settings: clusterSettings({ loadBalancing: { policy } }),
    });
    const view = encode(source);
    const hashes = policy === "ring_hash" || policy === "maglev" ? keyHashes(source.endpoints) : undefined;
    assert.deepEqual(view.keyHashes && Uint32Array.from(view.keyHashes), hashes, policy);
    assert.equal(view.zoneAt(2), "zone-b");
    assert.ok(view.isIntact());
  }
});

test("a snapshot whose hashes of keys lie outside of it is refused", () => {
  const settings = clusterSettings({ loadBalancing: { policy: "maglev" } });
  const { buffer } = encode(cluster([endpoint(1)], { settings }));
  const words = new Int32Array(buffer);
  words[HeaderWord.keyHashesWord] = words.length - 1;
  assert.throws(() => new ClusterSnapshot(buffer), /hashes of keys do not fit/);
});

test("a service of twenty endpoints takes little: without its name in each key, and without settings that are the defaults", () => {
  const name = "service-123.namespace-7.svc.cluster.local:50051";
  const endpoints = Array.from({ length: 20 }, (_, n) => {
    const uid = `${n}`.padStart(8, "0").concat("-4f3b-4c6e-9d2a-0123456789ab");
    return endpoint(n, { key: endpointKey(name, uid, 50_051), node: `node-${n}`, zone: `zone-${n % 3}` });
  });
  const view = encode(cluster(endpoints, { name }));
  assert.deepEqual(
    Array.from({ length: view.count }, (_, i) => view.keyAt(i)),
    endpoints.map(({ key }) => key),
  );
  assert.ok(view.buffer.byteLength < 3_400, `${view.buffer.byteLength} octets`);
  assert.equal(view.settings, encode(cluster([], { name: "other:1" })).settings);
});
