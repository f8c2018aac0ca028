import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { LocalProxy } from "./fixture/local-proxy.ts";
import { RawClient } from "./fixture/raw-client.ts";
import { until } from "./fixture/until.ts";

const NAME = "tight:1";
const LIMIT = 8;
const ROUNDS = 10;

describe("an endpoint that counts what was just cancelled", () => {
  const sessions = new Set<ServerHttp2Session>();
  // node:http2 frees a reset stream later than it reads the next HEADERS.
  const server = createServer({ settings: { maxConcurrentStreams: LIMIT } });
  let open = 0;
  let proxy: LocalProxy;

  before(async () => {
    server.on("session", (session) => sessions.add(session));
    server.on("stream", (stream: ServerHttp2Stream, headers) => {
      open++;
      stream.on("error", () => {});
      stream.on("close", () => open--);
      if (headers["x-hold"] === "1") return;
      stream.respond({ "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    proxy = await LocalProxy.start();
    proxy.apply([(server.address() as AddressInfo).port], { name: NAME, maxConnectionsPerEndpoint: 1 });
  });
  after(async () => {
    await proxy.close();
    for (const session of sessions) session.destroy();
    server.close();
  });

  it("gets no stream above its limit, so that the calls after a burst of cancels all succeed", async () => {
    const client = new RawClient(proxy.port);
    assert.equal((await client.call(Buffer.alloc(5), { ":authority": NAME })).status, 0);
    const statuses: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const held = Array.from({ length: LIMIT }, () =>
        client.open({ ":authority": NAME, "x-hold": "1" }, true),
      );
      await until("the endpoint is full", () => open === LIMIT);
      for (const stream of held) stream.close(8);
      const calls = Array.from({ length: LIMIT }, () => client.call(Buffer.alloc(5), { ":authority": NAME }));
      statuses.push(...(await Promise.all(calls)).map((answer) => answer.status));
    }
    assert.deepEqual(statuses, new Array(LIMIT * ROUNDS).fill(0));
    client.close();
  });
});
