import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { ClusterColumn } from "../../src/telemetry/cluster-counters.ts";
import { missingForCarrier } from "../support/missing-for-carrier.ts";
import { TestAuthority } from "../support/test-authority.ts";
import { LocalProxy } from "./fixture/local-proxy.ts";
import { RawBackend } from "./fixture/raw-backend.ts";
import { RawClient } from "./fixture/raw-client.ts";
import { until } from "./fixture/until.ts";

const ENDPOINTS = 200;
const ROUNDS = 3;
const MANY = "many.test:443";
const INNOCENT = "innocent.test:50051";
/** Of the CPU time of a whole restart, what the unluckiest call of a hundred may have to wait for. All of it without a bound. */
const SHARE_OF_RESTART = 0.3;
/** And what the middle one may; the kernel counts a thread's time in steps of 4 ms. */
const HALF_SHARE_OF_RESTART = 0.12;

/** CPU time of this thread, in ms: what it did while a call waited. Other processes of the machine are not in it. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Calls of the innocent, one after the other, as long as `busy` is not settled. @returns what each had to wait for, in order. */
async function innocentCalls(client: RawClient, busy: Promise<unknown>): Promise<number[]> {
  const took: number[] = [];
  let over = false;
  void busy.then(() => {
    over = true;
  });
  while (!over) {
    const start = cpuMs();
    const { status } = await client.call(Buffer.alloc(100), { ":authority": INNOCENT });
    took.push(cpuMs() - start);
    assert.equal(status, 0);
    await sleep(1);
  }
  return took.sort((a, b) => a - b);
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;

test("200 TLS endpoints that come back together do not stall others", {
  skip: missingForCarrier("tls"),
}, async (t) => {
  const authority = new TestAuthority();
  const { cert, key } = authority.issue({ subjectAltNames: ["DNS:many.test"] });
  const entry = fileURLToPath(new URL("../upstream/tls-endpoints-child.ts", import.meta.url));
  const child = fork(entry, [String(ENDPOINTS), cert, key]);
  t.after(() => child.disconnect());
  const [ports] = (await once(child, "message")) as [number[]];
  const backend = await RawBackend.start({ onRequest: ({ connection, id }) => connection.answer(id) });
  const proxy = await LocalProxy.start();
  proxy.apply([backend.port], { name: INNOCENT });
  const [innocent, busy] = [new RawClient(proxy.port), new RawClient(proxy.port)];
  t.after(async () => {
    innocent.close();
    busy.close();
    backend.stop();
    await proxy.close();
    authority.remove();
  });
  const alone = await innocentCalls(innocent, sleep(500));

  const during: number[] = [];
  const restarts: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    // Each round is a restart: another identity means new connections, and no session to resume.
    proxy.dataPlane.setTlsIdentity({
      number: round,
      serverName: "many.test",
      subjectAltNames: [],
      ca: authority.ca,
      cert: "",
      key: "",
    });
    proxy.apply(ports, {
      name: MANY,
      tlsIdentity: round,
      settings: clusterSettings({ loadBalancing: { policy: "round_robin" } }),
      connectTimeoutMs: 10_000,
    });
    const start = cpuMs();
    const calls = Array.from({ length: ENDPOINTS }, () =>
      busy.call(Buffer.alloc(10), { ":authority": MANY }),
    );
    during.push(...(await innocentCalls(innocent, Promise.all(calls))));
    restarts.push(cpuMs() - start);
    for (const { status, message } of await Promise.all(calls)) assert.equal(status, 0, message);
    await until("all are connected", () => proxy.row(MANY)[ClusterColumn.upstreamConnections]! >= ENDPOINTS);
  }
  during.sort((a, b) => a - b);
  const line = (sorted: readonly number[]) =>
    `${sorted.length} calls, p50 ${quantile(sorted, 0.5).toFixed(2)}, p99 ${quantile(sorted, 0.99).toFixed(2)}, max ${sorted.at(-1)!.toFixed(2)} ms`;
  t.diagnostic(
    `alone: ${line(alone)}; during: ${line(during)}; restarts: ${restarts.map(Math.round).join(", ")} ms`,
  );
  assert.ok(during.length >= 20, `only ${during.length} calls of the innocent`);
  const restartMs = Math.min(...restarts);
  // A turn of the loop may hold as many handshakes as are in flight.
  const half = 2 * quantile(alone, 0.5) + HALF_SHARE_OF_RESTART * restartMs;
  assert.ok(quantile(during, 0.5) <= half, `p50: ${line(during)}, alone ${line(alone)}`);
  assert.ok(
    quantile(during, 0.99) <= SHARE_OF_RESTART * restartMs,
    `p99: ${line(during)}, of ${restartMs.toFixed(0)} ms for a restart`,
  );
});
