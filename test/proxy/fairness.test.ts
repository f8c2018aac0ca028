import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { coreWaitMs } from "./fixture/core-wait.ts";
import { FLOODED, Flood } from "./fixture/flood.ts";
import { LoadConnection } from "./fixture/load-connection.ts";
import { ProxyProcess } from "./fixture/proxy-process.ts";
import { WorkerBackend } from "./fixture/worker-backend.ts";

/** Windows alternate, so that what else the machine does falls on all. */
const WAYS = ["off", "past", "through"] as const;
const WINDOWS = 30;
const WINDOW_MS = 500;
const CALL_EVERY_MS = 1;
const FACTOR = 1.5;
const FLOOR_MS = 1;
/** Share of a window that threads may stand ready without a core, all together, for its times to be the proxy's. */
const MOST_WAIT = 0.2;

const LEAST_FLOOD = 1200;
/** Measurements at most: one that could not be judged is repeated. */
const ATTEMPTS = 3;

const { CI = "" } = process.env;

const limit = (base: number): number => Math.max(base * FACTOR, base + FLOOR_MS);
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/** @returns the p99 of one window of quiet calls. */
async function window(quiet: LoadConnection): Promise<number> {
  const took: number[] = [];
  const until = performance.now() + WINDOW_MS;
  while (performance.now() < until) {
    const started = performance.now();
    await new Promise<void>((resolve) => quiet.call(() => resolve()));
    took.push(performance.now() - started);
    await sleep(CALL_EVERY_MS);
  }
  took.sort((a, b) => a - b);
  return took[Math.floor(took.length * 0.99)]!;
}

describe("a quiet connection beside a flooding one", () => {
  let proxy: ProxyProcess;
  let backends: WorkerBackend[];
  let quiet: LoadConnection;
  let flood: Flood;

  before(async () => {
    backends = await Promise.all([0, 1].map((i) => WorkerBackend.start(i)));
    flood = await Flood.start();
    proxy = await ProxyProcess.start(
      backends.map(({ port }) => port),
      { poison: false, second: { name: FLOODED, port: flood.port } },
    );
    quiet = await LoadConnection.open(proxy.port);
    await flood.connect(proxy.port);
  });
  after(async () => {
    quiet.close();
    await flood.stop();
    await proxy.terminate();
    for (const backend of backends) backend.stop();
  });

  it("has at most 1.5 times the p99 it has alone, or 1 ms more", async (t) => {
    for (let i = 0; i < 3; i++) await window(quiet);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { invalid, baseMs, throughMs } = await measure();
      if (invalid === "") {
        assert.ok(throughMs <= limit(baseMs), `${throughMs} ms, without ${baseMs} ms`);
        return;
      }
      // Only what could not be judged is measured again: a miss stays a miss.
      t.diagnostic(`not judged: ${invalid}`);
    }
    // The exact half of the promise, shares of the loop, is judged on every machine by turns.test.ts.
    if (CI === "") t.skip("the machine is too noisy to judge a p99");
  });

  /** One interleaved measurement, and why its times say nothing of the proxy, if they do not. */
  async function measure(): Promise<{ invalid: string; baseMs: number; throughMs: number }> {
    const p99 = { off: [] as number[], past: [] as number[], through: [] as number[] };
    const waits = { off: 0, past: 0, through: 0 };
    const pids = [process.pid, proxy.child.pid!];
    let floods = 0;
    for (let i = 0; i < WINDOWS; i++) {
      const way = WAYS[i % WAYS.length]!;
      const before = await flood.set(way);
      await sleep(50);
      const waited = coreWaitMs(pids);
      p99[way].push(await window(quiet));
      waits[way] += (coreWaitMs(pids) - waited) / WINDOW_MS / (WINDOWS / WAYS.length);
      const answered = (await flood.set("off")) - before;
      if (way === "through") floods += answered;
      await sleep(50);
    }
    const even = median(p99.off.filter((_, i) => i % 2 === 0));
    const odd = median(p99.off.filter((_, i) => i % 2 === 1));
    const [aloneMs, pastMs, throughMs] = [median(p99.off), median(p99.past), median(p99.through)];
    const rate = Math.round(floods / ((WINDOWS / WAYS.length) * ((WINDOW_MS + 50) / 1000)));
    console.log(
      `quiet p99: alone ${aloneMs.toFixed(2)} ms (null test ${even.toFixed(2)} and ${odd.toFixed(2)}), ` +
        `${rate} calls/s past the proxy ${pastMs.toFixed(2)} ms, through it ${throughMs.toFixed(2)} ms; ` +
        `ready without a core ${WAYS.map((way) => `${(waits[way] * 100).toFixed(1)} %`).join(", ")}`,
    );
    // What the flood's client and endpoint take of two shared cores is not the proxy's doing.
    const baseMs = Math.max(aloneMs, pastMs);
    let invalid = "";
    if (Math.max(even, odd) > limit(Math.min(even, odd))) {
      invalid = "alone against alone does not keep to the limit";
    } else if (rate < LEAST_FLOOD) {
      invalid = `the flood reached ${rate} calls/s only`;
    } else if (throughMs > limit(baseMs) && waits.through > MOST_WAIT) {
      invalid = "client, endpoint and proxy stood in line for the machine's cores";
    }
    return { invalid, baseMs, throughMs };
  }
});
