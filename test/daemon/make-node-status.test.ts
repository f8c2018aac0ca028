import assert from "node:assert/strict";
import { test } from "node:test";
import type { PublishedCluster } from "../../src/daemon/cluster-publisher.ts";
import { makeNodeStatus } from "../../src/daemon/make-node-status.ts";
import { ProxyCounters } from "../../src/daemon/proxy-counters.ts";
import { ClusterColumn, ClusterCounters } from "../../src/telemetry/cluster-counters.ts";
import { countSource } from "../../src/telemetry/source-cells.ts";
import { WorkerColumn } from "../../src/telemetry/worker-counters.ts";

test("a status says of each calling namespace its channels, its requests for all services, and its time in line", () => {
  const all = new ProxyCounters(2);
  const [shop, bank] = [all.sources.numberOf("shop"), all.sources.numberOf("bank")];
  all.sources.numberOf("idle");
  all.workers.row(0)[WorkerColumn.sourceChannels + shop] = 2;
  all.workers.row(1)[WorkerColumn.sourceChannels + shop] = 3;
  all.workers.row(1)[WorkerColumn.sourceWaitMs + bank] = 1_500;
  const published = ["a.shop:1", "b.shop:1"].map((name): PublishedCluster => {
    const counters = new ClusterCounters(2, undefined, true);
    countSource(counters.row(0), ClusterColumn.sources, shop, 0);
    countSource(counters.row(1), ClusterColumn.sources, shop, 7);
    countSource(counters.row(1), ClusterColumn.sources, bank, 0);
    counters.row(0)[ClusterColumn.upstreamConnections] = 4;
    const cluster = { name, settings: { loadBalancing: { policy: "least_request" } }, endpoints: [] };
    return { cluster, counters } as unknown as PublishedCluster;
  });
  const status = () =>
    makeNodeStatus({
      node: "n1",
      notReady: "",
      // As the publisher gives it: what goes round once.
      published: published.values(),
      endpoints: all.endpoints,
      workers: all.workers,
      sources: all.sources,
      troubles: new Map(),
      capture: undefined,
      controlPlane: undefined,
    });
  assert.deepEqual(status().sources, [
    { namespace: "shop", channels: 5, requests: 4, throttledSeconds: 0 },
    { namespace: "bank", channels: 0, requests: 2, throttledSeconds: 1.5 },
  ]);
  assert.deepEqual(
    status().services.map(({ upstreamConnections }) => upstreamConnections),
    [4, 4],
  );
  all.retireWorker(1, []);
  assert.equal(status().sources![0]!.channels, 2, "what a worker that died had open is gone");
});
