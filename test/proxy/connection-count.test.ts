import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { ClusterColumn } from "../../src/telemetry/cluster-counters.ts";
import { LocalProxy } from "./fixture/local-proxy.ts";
import type { RawStream, Script } from "./fixture/raw-backend.ts";
import { RawBackend, setting } from "./fixture/raw-backend.ts";
import { RawClient } from "./fixture/raw-client.ts";
import { until } from "./fixture/until.ts";

const NAME = "held:1";

describe("how many connections an endpoint gets", () => {
  let proxy: LocalProxy;
  let client: RawClient;
  let backend: RawBackend;
  const held: RawStream[] = [];
  const start = async (script: Script): Promise<void> => {
    held.length = 0;
    backend = await RawBackend.start({ onRequest: (stream) => held.push(stream), ...script });
    proxy.apply([backend.port], { name: NAME });
  };
  const calls = (count: number): Promise<number>[] =>
    Array.from(
      { length: count },
      async () => (await client.call(Buffer.alloc(5), { ":authority": NAME })).status,
    );
  const answerAll = (): void => {
    for (const stream of held.splice(0)) stream.connection.answer(stream.id);
  };

  before(async () => {
    proxy = await LocalProxy.start();
    client = new RawClient(proxy.port);
    assert.equal((await client.call(Buffer.alloc(5), { ":authority": "nobody:1" })).status, 12);
  });
  afterEach(async () => {
    backend.stop();
    proxy.remove(NAME);
    await proxy.settled();
  });
  after(async () => {
    client.close();
    await proxy.close();
  });

  it("one, when its SETTINGS name no limit of streams, however many are open", async () => {
    await start({});
    const answers = calls(600);
    await until("all calls are at the endpoint", () => held.length === 600);
    assert.equal(backend.connections.length, 1);
    answerAll();
    assert.deepEqual(new Set(await Promise.all(answers)), new Set([0]));
  });

  it("those it has, when one more is refused: who waited for it is queued and served", async () => {
    await start({ settings: setting(3, 2) });
    const first = calls(2);
    await until("the first connection is full", () => held.length === 2);
    backend.refuse();
    const row = proxy.row(NAME);
    const waiting = calls(4);
    await until("a further connection was refused", () => row[ClusterColumn.upstreamConnectFailures]! > 0);
    await until("the calls are queued", () => row[ClusterColumn.streamsQueued] === 4);
    const serve = setInterval(answerAll, 5);
    const statuses = await Promise.all([...first, ...waiting]);
    clearInterval(serve);
    assert.deepEqual(statuses, [0, 0, 0, 0, 0, 0]);
    assert.equal(row[ClusterColumn.upstreamConnectFailures], 1);
  });
});
