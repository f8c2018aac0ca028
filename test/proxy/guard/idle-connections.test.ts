import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LocalProxy } from "../fixture/local-proxy.ts";
import { ProxyProcess } from "../fixture/proxy-process.ts";
import { frame, RawBackend, Type } from "../fixture/raw-backend.ts";
import { RawClient } from "../fixture/raw-client.ts";
import { until } from "../fixture/until.ts";

const CONNECTIONS = 2000;
const WINDOW_MS = 4000;
/** What is promised is 13 KB; the rest is for what the system's allocators and heap add to a measurement. */
const MOST_OCTETS_EACH = 20_000;
const MOST_SWEEP_US_PER_1000 = 200;
const ROUNDS = 400;

const PREFACE = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  frame(Type.settings, 0, 0),
  frame(Type.settings, 1, 0),
]);

/** Opens connections that have said hello and say nothing more. */
async function idleConnections(port: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < CONNECTIONS) {
    const batch = Array.from({ length: 100 }, () => connect(port, "127.0.0.1"));
    for (const socket of batch) {
      socket.on("error", () => {});
      socket.write(PREFACE);
    }
    await Promise.all(batch.map((socket) => new Promise((resolve) => socket.once("data", resolve))));
    sockets.push(...batch);
  }
  return sockets;
}

/** @returns milliseconds of processor time that a process has used. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function cpuOf(pid: number): Promise<number> {
  const before = cpuMs(pid);
  await sleep(WINDOW_MS);
  return cpuMs(pid) - before;
}

describe("2,000 idle connections", () => {
  const sockets: Socket[] = [];
  after(() => {
    for (const socket of sockets) socket.destroy();
  });

  it("cost memory by the kilobyte, no processor time, and nobody a call", async (t) => {
    const backend = await RawBackend.start({ onRequest: ({ connection, id }) => connection.answer(id) });
    const proxy = await ProxyProcess.start([backend.port], { poison: false });
    const pid = proxy.child.pid!;
    const client = new RawClient(proxy.port);
    t.after(async () => {
      client.close();
      await proxy.terminate("SIGKILL");
      backend.stop();
    });
    await client.call();
    const aloneMs = await cpuOf(pid);
    const aloneOctets = proxy.memory().now;
    sockets.push(...(await idleConnections(proxy.port)));
    await sleep(1000);
    const idleMs = await cpuOf(pid);
    const each = (proxy.memory().now - aloneOctets) / CONNECTIONS;
    t.diagnostic(
      `${(each / 1000).toFixed(1)} KB each; processor time in ${WINDOW_MS / 1000} s: ${idleMs} ms, ${aloneMs} ms without them`,
    );
    assert.equal((await client.call()).status, 0);
    assert.ok(sockets.every((socket) => !socket.destroyed));
    assert.ok(each <= MOST_OCTETS_EACH, `${each} octets each`);
    assert.ok(idleMs - aloneMs <= WINDOW_MS * 0.01, `${idleMs - aloneMs} ms more than without them`);
  });

  it("are looked through in microseconds", async (t) => {
    let aheadMs = 0;
    const proxy = await LocalProxy.start({ sweeps: false, nowMs: () => performance.now() + aheadMs });
    const own = await idleConnections(proxy.port);
    try {
      await until("all taken in", () => proxy.dataPlane.downstreamConnections === CONNECTIONS);
      const times: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        aheadMs += 1000;
        const began = performance.now();
        // Four parts, and one that finds the end of the round.
        for (let part = 0; part < 5; part++) proxy.dataPlane.sweep();
        times.push(((performance.now() - began) * 1000) / (CONNECTIONS / 1000));
      }
      times.sort((a, b) => a - b);
      const median = times[ROUNDS / 2]!;
      t.diagnostic(`${median.toFixed(1)} µs per 1,000 connections and second`);
      assert.ok(median <= MOST_SWEEP_US_PER_1000, `${median} µs`);
      assert.equal(proxy.dataPlane.downstreamConnections, CONNECTIONS, "and none is closed for being idle");
    } finally {
      for (const socket of own) socket.destroy();
    }
    await proxy.close();
  });
});
