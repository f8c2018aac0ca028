import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { LocalProxy } from "../proxy/fixture/local-proxy.ts";
import type { RawStream } from "../proxy/fixture/raw-backend.ts";
import { Flag, frame, RawBackend, RESPONSE_HEADERS, Type } from "../proxy/fixture/raw-backend.ts";
import { RawClient } from "../proxy/fixture/raw-client.ts";
import { until } from "../proxy/fixture/until.ts";

const STREAMS = 5;
const ALL_IDS = 2 ** 31 - 1;
const REFUSED_STREAM = 7;
const CANCEL = 8;

/** What a backend with five streams, ids 1 to 9, says, and which of them it goes on to answer. */
const CASES = [
  { name: "0: all move", ids: [0], keeps: 0 },
  { name: "5: those above move, the others finish where they are", ids: [5], keeps: 3 },
  { name: "2^31-1: all finish where they are", ids: [ALL_IDS], keeps: 5 },
  { name: "2^31-1 and then 5: those above move", ids: [ALL_IDS, 5], keeps: 3 },
  { name: "5 and then 0: those above move with each", ids: [5, 0], keeps: 0 },
] as const;

describe("a GOAWAY of an endpoint with streams", () => {
  let proxy: LocalProxy;
  let client: RawClient;

  before(async () => {
    proxy = await LocalProxy.start();
    client = new RawClient(proxy.port);
  });
  after(async () => {
    client.close();
    await proxy.close();
  });

  for (const { name, ids, keeps } of CASES) {
    it(`with last stream ${name}`, async () => {
      const cluster = `goaway-${ids.join("-")}:1`;
      const processed: string[] = [];
      const leaving: RawStream[] = [];
      const leaver = await RawBackend.start({
        onRequest: (stream) => {
          if (stream.connection !== leaver.connections[0]) {
            processed.push(stream.body.toString());
            stream.connection.answer(stream.id);
            return;
          }
          leaving.push(stream);
        },
      });
      const stayer = await RawBackend.start({
        onRequest: (stream) => {
          processed.push(stream.body.toString());
          stream.connection.answer(stream.id);
        },
      });
      proxy.apply([{ port: leaver.port, weight: 60_000 }, stayer.port], {
        name: cluster,
        settings: clusterSettings({ loadBalancing: { policy: "random" } }),
      });
      const calls = Array.from({ length: STREAMS }, (_, i) =>
        client.call(Buffer.from(`call ${i}`), { ":authority": cluster }),
      );
      await until("the endpoint has all", () => leaving.length + processed.length === STREAMS);
      assert.equal(leaving.length, STREAMS, "chance sent one elsewhere");
      for (const id of ids) leaver.connections[0]!.goaway(id);
      // What it keeps it answers only now, long after its goodbye.
      await sleep(30);
      for (const { id, body, connection } of leaving.filter((stream) => stream.id <= ids.at(-1)!)) {
        processed.push(body.toString());
        connection.answer(id);
      }
      const answers = await Promise.all(calls);
      assert.deepEqual(
        answers.map(({ status }) => status),
        answers.map(() => 0),
      );
      assert.deepEqual(
        processed.sort(),
        Array.from({ length: STREAMS }, (_, i) => `call ${i}`),
      );
      assert.equal(leaving.filter(({ id }) => id <= ids.at(-1)!).length, keeps);
      const first = leaver.connections[0]!.socket;
      await until("the connection is let go", () => first.destroyed || first.readableEnded);
      leaver.stop();
      stayer.stop();
      proxy.remove(cluster);
    });
  }

  it("and answers to streams that were reset long ago cost others nothing, nor the connection its window", async () => {
    const cluster = "late:1";
    const late: RawStream[] = [];
    const backend = await RawBackend.start({
      onReset: (stream, code) => {
        assert.ok(code === CANCEL || code === REFUSED_STREAM);
        late.push(stream);
      },
      onRequest: ({ connection, id, body }) => {
        if (body.toString() === "answer me") connection.answer(id, Buffer.alloc(1000));
      },
    });
    proxy.apply([backend.port], { name: cluster });
    const body = Buffer.alloc(16_000);
    // Three times what the connection's window holds.
    for (let round = 0; round < 200; round++) {
      const stream = client.open({ ":authority": cluster });
      stream.end("hang");
      const seen = backend.connections[0]?.streams.size ?? 0;
      await until("the endpoint has it", () => (backend.connections[0]?.streams.size ?? 0) > seen);
      stream.close(CANCEL);
      await until("the endpoint is told", () => late.length === round + 1);
      const { id, connection } = late.at(-1)!;
      connection.send(
        frame(Type.headers, Flag.endHeaders, id, RESPONSE_HEADERS),
        frame(Type.data, 0, id, body),
      );
      if (round % 20 === 0) {
        const { status } = await client.call(Buffer.from("answer me"), { ":authority": cluster });
        assert.equal(status, 0);
      }
    }
    assert.equal(backend.connections.length, 1);
    backend.stop();
    proxy.remove(cluster);
  });
});
