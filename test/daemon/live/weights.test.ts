import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LoadMetric } from "../../../src/resource/load-balancing.ts";
import { LOAD_METRICS } from "../../../src/resource/load-balancing.ts";
import { closedLoop } from "../../proxy/fixture/closed-loop.ts";
import { LoadConnection } from "../../proxy/fixture/load-connection.ts";
import { ProxyProcess } from "../../proxy/fixture/proxy-process.ts";
import { WorkerBackend } from "../../proxy/fixture/worker-backend.ts";

const WEIGHTS = [1, 2, 4] as const;
const TOTAL = 7;
/** Long enough for the machine's own pauses to be little of it: two metrics go by time. */
const SERVICE_MS = 40;
const CONNECTIONS = 8;
const STREAMS = 30;
const WARM_UP_CALLS = 4_000;
const WINDOWS = 5;
const CALLS = 5_000;
const TOLERANCE = 0.05;
/** A pause of the machine while calls of one endpoint are open is that endpoint's latency to the metrics that go by time: then it is looked at again. */
const TRIALS = 3;

/** Endpoints report how busy they are for their size, as those of such weights would. */
const loadBalancerOf = (metric: LoadMetric): string =>
  `{ policy: least_request, metric: ${metric}, loadReports: { perRequest: ${metric === "utilization"}, agingMs: 1000 } }`;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

for (const workers of [1, 2]) {
  describe(`weights 1:2:4 in a running proxy with ${workers} data-plane ${workers === 1 ? "thread" : "threads"}`, () => {
    for (const metric of LOAD_METRICS) {
      it(`give 1:2:4 within 5 % under load, by ${metric}`, async (t) => {
        const capacities = WEIGHTS.map((weight) => (metric === "utilization" ? 100 * weight : 0));
        const backends = await Promise.all(
          capacities.map((capacity, i) => WorkerBackend.start(i, SERVICE_MS, 1_000, capacity)),
        );
        const endpoints = backends.map(
          ({ port }, i) => `{ address: "127.0.0.1:${port}", weight: ${WEIGHTS[i]} }`,
        );
        const proxy = await ProxyProcess.start(endpoints, {
          concurrency: workers,
          loadBalancer: loadBalancerOf(metric),
          poison: false,
        });
        const connections = await Promise.all(
          Array.from({ length: CONNECTIONS }, () => LoadConnection.open(proxy.port)),
        );
        assert.equal(await closedLoop(connections, WARM_UP_CALLS, STREAMS), 0);
        let shares: number[] = [];
        const isEven = (): boolean => shares.every((share) => Math.abs(share - 1) <= TOLERANCE);
        for (let trial = 0; trial < TRIALS && (trial === 0 || !isEven()); trial++) {
          shares = await sharesOfWindows(connections, backends);
          t.diagnostic(shares.map((share) => share.toFixed(3)).join(" "));
        }
        for (const connection of connections) connection.close();
        assert.equal(await proxy.terminate(), 0, proxy.output);
        for (const backend of backends) backend.stop();
        assert.ok(isEven(), `${shares}`);
      });
    }
  });
}

/** @returns what each endpoint gets of its just share, 1 being all of it: the medians of some windows. */
async function sharesOfWindows(
  connections: readonly LoadConnection[],
  backends: readonly WorkerBackend[],
): Promise<number[]> {
  const windows: number[][] = [];
  for (let window = 0; window < WINDOWS; window++) {
    const before = backends.map(({ calls }) => calls);
    assert.equal(await closedLoop(connections, CALLS, STREAMS), 0);
    // 1 is an endpoint's just share.
    windows.push(backends.map(({ calls }, i) => ((calls - before[i]!) * TOTAL) / (CALLS * WEIGHTS[i]!)));
  }
  return WEIGHTS.map((_, i) => median(windows.map((window) => window[i]!)));
}
