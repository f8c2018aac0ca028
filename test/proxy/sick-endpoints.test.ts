import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../support/free-port.ts";
import { ProxyProcess } from "./fixture/proxy-process.ts";
import { Flag, frame, literal, RawBackend, RESPONSE_HEADERS, Type } from "./fixture/raw-backend.ts";
import { RawClient } from "./fixture/raw-client.ts";

/** Waits until the endpoint on that port is set aside for exactly these reasons. */
async function untilAsideFor(proxy: ProxyProcess, port: number, reasons: readonly string[]): Promise<void> {
  const limit = performance.now() + 15_000;
  for (;;) {
    const found = (await proxy.endpoints()).find(({ address }) => address.endsWith(`:${port}`))?.setAsideFor;
    if (JSON.stringify(found) === JSON.stringify(reasons)) return;
    if (performance.now() > limit)
      throw new Error(`set aside for ${found}, wanted ${reasons}: ${proxy.output}`);
    await sleep(50);
  }
}

describe("the proxy as a process with two data-plane threads", () => {
  it("ejects an endpoint for what one thread saw, tries it, and takes it back, on all threads", async () => {
    let isWell = false;
    const bad = await RawBackend.start({
      onRequest: ({ connection, id }) => {
        if (isWell) return connection.answer(id);
        const block = Buffer.concat([RESPONSE_HEADERS, literal("grpc-status", "14")]);
        connection.send(frame(Type.headers, Flag.endHeaders | Flag.endStream, id, block));
      },
    });
    const good = await RawBackend.start({ onRequest: ({ connection, id }) => connection.answer(id) });
    const metricsPort = await freePort();
    const proxy = await ProxyProcess.start([bad.port, good.port], {
      policy: "round_robin",
      concurrency: 2,
      more: [`metrics: { address: "127.0.0.1:${metricsPort}" }`],
      cluster: ["outlierDetection: { baseEjectionMs: 1000 }"],
    });
    const clients = [new RawClient(proxy.port), new RawClient(proxy.port), new RawClient(proxy.port)];
    const scrape = async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    const call = async (count: number) => {
      let errors = 0;
      for (let i = 0; i < count; i++)
        for (const client of clients) if ((await client.call()).status !== 0) errors++;
      return errors;
    };
    try {
      // One connection, so one thread, sees the failures.
      for (let i = 0; i < 12; i++) await clients[0]!.call();
      await untilAsideFor(proxy, bad.port, ["outlier"]);
      assert.ok(/isobar_endpoints_set_aside\{[^}]*reason="outlier"[^}]*\} 1\n/.test(await scrape()));
      await sleep(300);
      assert.ok((await call(10)) <= 2, "all threads know, a trial apart");
      isWell = true;
      const limit = performance.now() + 15_000;
      while ((await proxy.endpoints()).some(({ setAside }) => setAside)) {
        assert.ok(performance.now() < limit, proxy.output);
        await call(1);
        await sleep(20);
      }
      await sleep(300);
      assert.equal(await call(10), 0);
      const text = await scrape();
      for (const line of [
        /isobar_outlier_ejections_total\{[^}]*reason="consecutive_failures"[^}]*\} 1\n/,
        /isobar_endpoints_set_aside\{[^}]*reason="outlier"[^}]*\} 0\n/,
      ])
        assert.ok(line.test(text), `${line}`);
      assert.match(proxy.output, /"message":"endpoint ejected"/);
      assert.match(proxy.output, /"message":"ejected endpoint taken back"/);
    } finally {
      for (const client of clients) client.close();
      assert.equal(await proxy.terminate(), 0);
      bad.stop();
      good.stop();
    }
  });

  it("asks endpoints for their health, and sends nothing to one that says it is sick", async () => {
    let status = 200;
    const health = createServer((_, response) => response.writeHead(status).end());
    await new Promise<void>((resolve) => health.listen(0, "127.0.0.1", resolve));
    const healthPort = (health.address() as AddressInfo).port;
    const backend = await RawBackend.start({ onRequest: ({ connection, id }) => connection.answer(id) });
    const proxy = await ProxyProcess.start([backend.port], {
      concurrency: 2,
      cluster: [
        `healthCheck: { intervalSeconds: 1, timeoutSeconds: 1, unhealthyThreshold: 2, healthyThreshold: 1, httpGet: { path: /health, port: ${healthPort} } }`,
      ],
    });
    try {
      await untilAsideFor(proxy, backend.port, []);
      status = 503;
      await untilAsideFor(proxy, backend.port, ["health_check"]);
      status = 200;
      await untilAsideFor(proxy, backend.port, []);
    } finally {
      assert.equal(await proxy.terminate(), 0);
      backend.stop();
      health.close();
    }
  });
});
