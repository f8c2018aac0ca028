import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import type { LoadBalancingPolicy } from "../../src/resource/load-balancing.ts";
import { ResponseFlag } from "../../src/telemetry/response-flag.ts";
import { closedLoop } from "./fixture/closed-loop.ts";
import { LoadConnection } from "./fixture/load-connection.ts";
import { LocalProxy } from "./fixture/local-proxy.ts";
import { WorkerBackend } from "./fixture/worker-backend.ts";

const CONNECTIONS = 20;
const BACKENDS = 6;
const CALLS = 60_000;
const STREAMS = 10;

const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!;

/** How the same load falls when each connection goes to one backend for good, as ClusterIP places it. */
function pinnedMaxOverMean(seed: number): number {
  const random = new SeededRandom(seed);
  const connections = new Array<number>(BACKENDS).fill(0);
  for (let i = 0; i < CONNECTIONS; i++) connections[random.nextInt(BACKENDS)]!++;
  return Math.max(...connections) / (CONNECTIONS / BACKENDS);
}

interface Outcome {
  readonly p50: number;
  readonly p90: number;
  readonly fastMedian: number;
  readonly slowShare: number;
}

const RATE_PER_SECOND = 2000;
const FAST_MS = 8;
const SLOW_MS = 80;
const SECONDS = 4;

/** Calls at a constant rate, whatever comes back; one backend is ten times slower than the others. */
async function openLoop(policy: LoadBalancingPolicy): Promise<Outcome> {
  const proxy = await LocalProxy.start();
  const backends = await Promise.all(
    Array.from({ length: BACKENDS }, (_, i) => WorkerBackend.start(i, i === 0 ? SLOW_MS : FAST_MS)),
  );
  proxy.apply(
    backends.map(({ port }) => port),
    { settings: clusterSettings({ loadBalancing: { policy } }), maxConnectionsPerEndpoint: 64 },
  );
  const connections = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => LoadConnection.open(proxy.port)),
  );
  const all: number[] = [];
  const fast: number[] = [];
  let failed = 0;
  let open = 0;
  let sent = 0;
  const started = performance.now();
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const elapsed = performance.now() - started;
      const due = Math.min(elapsed / 1000, SECONDS) * RATE_PER_SECOND;
      for (; sent < due; sent++) {
        const at = performance.now();
        open++;
        connections[sent % CONNECTIONS]!.call((first) => {
          open--;
          const took = performance.now() - at;
          if (first < 0) failed++;
          all.push(took);
          if (first > 0) fast.push(took);
        });
      }
      if (elapsed / 1000 < SECONDS) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  // What is still under way took at least so long.
  const rest = open;
  const slowestMs = performance.now() - started;
  for (const connection of connections) connection.close();
  await proxy.settled();
  await proxy.close();
  for (const backend of backends) backend.stop();
  assert.equal(failed, 0);
  for (let i = 0; i < rest; i++) all.push(slowestMs);
  all.sort((a, b) => a - b);
  fast.sort((a, b) => a - b);
  return {
    p50: quantile(all, 0.5),
    p90: quantile(all, 0.9),
    fastMedian: quantile(fast, 0.5),
    slowShare: 1 - fast.length / all.length,
  };
}

const tell = (what: string, { p50, p90, fastMedian, slowShare }: Outcome): void =>
  console.log(
    `${what}: p50 ${p50.toFixed(1)} ms, p90 ${p90.toFixed(1)} ms, fast median ${fastMedian.toFixed(1)} ms, ` +
      `slow share ${(slowShare * 100).toFixed(1)} %`,
  );

describe("distribution", () => {
  it(`${CALLS} calls of ${CONNECTIONS} connections fall on ${BACKENDS} backends with max/mean of 1.03 at most`, async () => {
    const proxy = await LocalProxy.start();
    const backends = await Promise.all(Array.from({ length: BACKENDS }, (_, i) => WorkerBackend.start(i)));
    proxy.apply(backends.map(({ port }) => port));
    const connections = await Promise.all(
      Array.from({ length: CONNECTIONS }, () => LoadConnection.open(proxy.port)),
    );
    const failed = await closedLoop(connections, CALLS, STREAMS);
    for (const connection of connections) connection.close();
    await proxy.settled();
    const counts = backends.map(({ calls }) => calls);
    assert.equal(failed, 0);
    assert.equal(proxy.finished(0, ResponseFlag.none), CALLS);
    assert.equal(
      counts.reduce((sum, each) => sum + each),
      CALLS,
    );
    const maxOverMean = Math.max(...counts) / (CALLS / BACKENDS);
    const pinned = pinnedMaxOverMean(1);
    console.log(`max/mean ${maxOverMean.toFixed(4)}, pinned per connection ${pinned.toFixed(2)}`);
    assert.ok(maxOverMean <= 1.03, counts.join(" "));
    assert.ok(pinned > 1.1, `${pinned}`);
    await proxy.close();
    for (const backend of backends) backend.stop();
  });

  it("one backend ten times slower: p90 of least_request is within 3 fast medians", async () => {
    const outcome = await openLoop("least_request");
    tell("least_request", outcome);
    assert.ok(outcome.p90 <= 3 * outcome.fastMedian, JSON.stringify(outcome));
  });

  it("and the same load under random is not", async () => {
    const outcome = await openLoop("random");
    tell("random", outcome);
    assert.ok(outcome.p90 > 3 * outcome.fastMedian, JSON.stringify(outcome));
  });
});
