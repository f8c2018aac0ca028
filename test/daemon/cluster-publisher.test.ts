import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterPublisher } from "../../src/daemon/cluster-publisher.ts";
import type { MainToWorker } from "../../src/daemon/worker-messages.ts";
import type { Cluster } from "../../src/resource/cluster.ts";
import { CLUSTER_DEFAULTS } from "../../src/resource/cluster.ts";
import { ClusterSnapshot } from "../../src/resource/cluster-snapshot.ts";
import { ENDPOINT_DEFAULTS, endpointKey } from "../../src/resource/endpoint.ts";
import { SlotRegistry } from "../../src/resource/slot-registry.ts";
import { EndpointCounters } from "../../src/telemetry/endpoint-counters.ts";

function cluster(name: string, ...addresses: string[]): Cluster {
  const endpoints = addresses.map((address) => {
    const key = endpointKey(name, address, 1);
    return { ...ENDPOINT_DEFAULTS, key, address, port: 1 };
  });
  return { ...CLUSTER_DEFAULTS, name, endpoints };
}

function publish(maxEndpointSlots = 10) {
  const sent: MainToWorker[] = [];
  const refused: string[] = [];
  const slots = new SlotRegistry({ workerCount: 1, maxEndpointSlots });
  const endpointCounters = new EndpointCounters(1);
  const publisher = new ClusterPublisher({
    slots,
    endpointCounters,
    workerCount: 1,
    broadcast: (message) => sent.push(message),
    onPublished: () => undefined,
    onRemoved: () => undefined,
    onComplete: () => undefined,
    onRefused: (name) => refused.push(name),
  });
  return { publisher, sent, refused, slots, endpointCounters };
}

test("only clusters that differ are sent, always with the same counters", () => {
  const { publisher, sent } = publish();
  publisher.upsert(cluster("a", "10.0.0.1"));
  publisher.upsert(cluster("a", "10.0.0.1"));
  publisher.upsert(cluster("a", "10.0.0.1", "10.0.0.2"));
  assert.deepEqual(
    sent.map((message) =>
      message.kind === "cluster" ? new ClusterSnapshot(message.snapshot).count : message.kind,
    ),
    [1, 2],
  );
  const [first, second] = sent;
  assert.ok(first?.kind === "cluster" && second?.kind === "cluster");
  assert.equal(first.counters, second.counters);
});

test("workers are told who came, who left and who moved to another zone", () => {
  const { publisher, sent } = publish();
  publisher.upsert(cluster("a", "10.0.0.1", "10.0.0.2", "10.0.0.3"));
  const next = cluster("a", "10.0.0.4", "10.0.0.1", "10.0.0.3");
  const endpoints = next.endpoints.map((each, i) => (i === 2 ? { ...each, zone: "zone-b" } : each));
  publisher.upsert({ ...next, endpoints });
  const changes = sent.map((message) => (message.kind === "cluster" ? message.changes : message.kind));
  const [joined, left, moved] = [Int32Array.of(0), Int32Array.of(1), Int32Array.of(2)];
  assert.deepEqual(changes, [undefined, { joined, left, moved }]);
});

test("a removed cluster is named once, and a reused slot starts from zero", () => {
  const { publisher, sent, slots, endpointCounters } = publish(1);
  publisher.upsert(cluster("a", "10.0.0.1"));
  endpointCounters.requests[0] = 5;
  publisher.remove("a");
  publisher.remove("a");
  assert.deepEqual(sent.slice(1), [{ kind: "cluster-removed", clusterSlot: 0 }]);
  slots.acknowledge(0, [0], [0]);
  publisher.upsert(cluster("b", "10.0.0.2"));
  assert.equal(endpointCounters.requests[0], 0);
});

test("an update for which there are no slots is refused, the former version stays", () => {
  const { publisher, sent, refused } = publish(1);
  publisher.upsert(cluster("a", "10.0.0.1"));
  publisher.upsert(cluster("a", "10.0.0.1", "10.0.0.2"));
  assert.deepEqual(refused, ["a"]);
  assert.equal(sent.length, 1);
  assert.deepEqual(
    [...publisher.clusters].map(({ snapshot }) => snapshot.count),
    [1],
  );
});
