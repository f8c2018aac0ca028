import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Metadata } from "@grpc/grpc-js";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import type { HashKey, LoadBalancing, LoadMetric } from "../../src/resource/load-balancing.ts";
import { LOAD_BALANCING_DEFAULTS } from "../../src/resource/load-balancing.ts";
import { GrpcClient } from "./fixture/grpc-client.ts";
import { LoadConnection } from "./fixture/load-connection.ts";
import { LocalProxy } from "./fixture/local-proxy.ts";
import { WorkerBackend } from "./fixture/worker-backend.ts";

const BACKENDS = 4;

async function withBackends(
  serviceMs: readonly number[],
  loadBalancing: Partial<LoadBalancing>,
  run: (proxy: LocalProxy, backends: readonly WorkerBackend[]) => Promise<void>,
): Promise<void> {
  const proxy = await LocalProxy.start();
  const backends = await Promise.all(serviceMs.map((ms, i) => WorkerBackend.start(i, ms, 64)));
  try {
    proxy.apply(
      backends.map(({ port }) => port),
      { settings: clusterSettings({ loadBalancing }), maxConnectionsPerEndpoint: 64 },
    );
    await run(proxy, backends);
  } finally {
    await proxy.close();
    for (const backend of backends) backend.stop();
  }
}

for (const policy of ["ring_hash", "maglev"] as const) {
  describe(`${policy}, live`, () => {
    const keys: HashKey[] = [
      { kind: "header", name: "x-user" },
      { kind: "cookie", name: "session" },
      { kind: "method" },
    ];
    const settings = { policy, hash: { ...LOAD_BALANCING_DEFAULTS.hash, keys } };

    it("keeps requests with the same header, or the same cookie, together, and others apart", async () => {
      await withBackends([0, 0, 0, 0], settings, async (proxy, backends) => {
        const client = new GrpcClient(proxy.port);
        const servedBy = async (name: string, value: string): Promise<number> => {
          const metadata = new Metadata();
          metadata.set(name, value);
          const earlier = backends.map(({ calls }) => calls);
          await client.unary("x", {}, metadata);
          return backends.findIndex(({ calls }, i) => calls > earlier[i]!);
        };
        for (const [name, textOf] of [
          ["x-user", (i: number) => `user ${i}`],
          ["cookie", (i: number) => `theme=dark; session=${i}`],
        ] as const) {
          const first: number[] = [];
          for (let i = 0; i < 40; i++) first.push(await servedBy(name, textOf(i)));
          assert.equal(new Set(first).size, BACKENDS, `${name}: ${first}`);
          for (let i = 0; i < 40; i++) assert.equal(await servedBy(name, textOf(i)), first[i]);
        }
        // Without either, the method counts, which is the same each time.
        const others = new Set<number>();
        for (let i = 0; i < 20; i++) others.add(await servedBy("x-other", String(i)));
        assert.equal(others.size, 1);
        client.close();
      });
    });
  });
}

describe("load metrics, live", () => {
  const shares = new Map<LoadMetric, number>();
  const measure = async (metric: LoadMetric): Promise<number> => {
    let share = 0;
    await withBackends([300, 6, 6, 6], { metric }, async (proxy, backends) => {
      const connection = await LoadConnection.open(proxy.port);
      const until = performance.now() + 1_500;
      await new Promise<void>((resolve) => {
        let open = 0;
        const timer = setInterval(() => {
          for (let i = 0; i < 2 && performance.now() < until; i++) {
            open++;
            connection.call(() => open--);
          }
          proxy.dataPlane.sample();
          if (performance.now() < until || open > 0) return;
          clearInterval(timer);
          resolve();
        }, 2);
      });
      connection.close();
      const calls = backends.map((backend) => backend.calls);
      share = calls[0]! / calls.reduce((sum, each) => sum + each, 0);
    });
    return share;
  };

  before(async () => {
    for (const metric of ["in_flight", "peak_ewma", "locality_aware"] as const)
      shares.set(metric, await measure(metric));
  });

  after(() => console.log(Object.fromEntries(shares)));

  for (const metric of ["peak_ewma", "locality_aware"] as const) {
    it(`${metric} sends far less to a far slower endpoint than streams in flight do`, () => {
      assert.ok(shares.get(metric)! < shares.get("in_flight")! * 0.7, JSON.stringify([...shares]));
    });
  }
});
