import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ECHO } from "../fixture/local-proxy.ts";
import { ProxyProcess } from "../fixture/proxy-process.ts";
import type { RawStream } from "../fixture/raw-backend.ts";
import { RawBackend } from "../fixture/raw-backend.ts";
import { RawClient } from "../fixture/raw-client.ts";
import { until } from "../fixture/until.ts";
import { trailersOnly } from "./scripted-answer.ts";

const RETRIES = 'retries: { attempts: 3, backoffBase: 2ms, backoffMax: 5ms, retryOn: "unavailable" }';

async function eventually(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const limit = performance.now() + 10_000;
  while (!(await isTrue())) {
    assert.ok(performance.now() < limit, `never came true: ${what}`);
    await sleep(20);
  }
}

describe("retries of the proxy as a process, with two workers", () => {
  let bad: RawBackend;
  let good: RawBackend;
  let proxy: ProxyProcess;
  let clients: RawClient[];
  let failures = 0;
  const held: RawStream[] = [];
  let holding = false;

  before(async () => {
    bad = await RawBackend.start({
      onRequest: (stream) => {
        failures++;
        trailersOnly(stream, 14);
      },
    });
    good = await RawBackend.start({
      onRequest: (stream) => {
        if (holding) held.push(stream);
        else stream.connection.answer(stream.id, stream.body);
      },
    });
    proxy = await ProxyProcess.start([bad.port, good.port], {
      policy: "random",
      concurrency: 2,
      cluster: [RETRIES, "connectionPool: { http: { maxRequests: 6 } }"],
    });
    clients = Array.from({ length: 4 }, () => new RawClient(proxy.port));
  });
  after(async () => {
    for (const client of clients) client.close();
    await proxy.terminate();
    bad.stop();
    good.stop();
  });

  /** One call after the other, the clients in turn. @returns their statuses. */
  async function statuses(calls: number): Promise<number[]> {
    const found: number[] = [];
    for (let i = 0; i < calls; i++) {
      const { status } = await clients[i % clients.length]!.call(Buffer.from("x"), { ":authority": ECHO });
      found.push(status);
    }
    return found;
  }

  it("hide the endpoint that fails from every client", async () => {
    assert.deepEqual(new Set(await statuses(60)), new Set([0]));
    assert.ok(failures >= 10, `${failures} failures behind the proxy`);
  });

  it("hold maxRequests over both workers together", async () => {
    await proxy.rewrite([good.port]);
    await eventually("the bad endpoint is gone", async () => {
      const before = failures;
      await statuses(12);
      return failures === before;
    });
    holding = true;
    const calls = Array.from({ length: 12 }, async (_, i) => {
      await sleep(10 * i);
      return clients[i % clients.length]!.call(Buffer.from("x"), { ":authority": ECHO });
    });
    await until("as many as may be are under way", () => held.length === 6);
    await sleep(200);
    assert.equal(held.length, 6);
    holding = false;
    for (const { connection, id } of held) connection.answer(id);
    const answers = await Promise.all(calls);
    assert.equal(answers.filter(({ status }) => status === 0).length, 6);
    assert.equal(answers.filter(({ message }) => /maxRequests is reached/.test(message)).length, 6);
  });

  it("go and come with the configuration", async () => {
    await proxy.rewrite([bad.port, good.port], { cluster: [] });
    await eventually("failures come through", async () => (await statuses(12)).includes(14));
    await proxy.rewrite([bad.port, good.port], { cluster: [RETRIES, "maxPendingStreams: 77"] });
    await eventually("they are back", async () => (await statuses(24)).every((status) => status === 0));
  });
});
