import assert from "node:assert/strict";
import { once } from "node:events";
import type { Http2Server, ServerHttp2Stream } from "node:http2";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { ClusterColumn } from "../../src/telemetry/cluster-counters.ts";
import { DisconnectReason } from "../../src/telemetry/disconnect-reason.ts";
import { errorCodeCell, WorkerColumn } from "../../src/telemetry/worker-counters.ts";
import { LocalProxy } from "./fixture/local-proxy.ts";
import {
  Flag,
  frame,
  literal,
  OK_TRAILERS,
  RawBackend,
  RESPONSE_HEADERS,
  setting,
  Type,
} from "./fixture/raw-backend.ts";
import { RawClient } from "./fixture/raw-client.ts";
import { until } from "./fixture/until.ts";

const NAME = "shared:1";
const CANCELS = 3000;

/** A node:http2 server with default settings: it closes connections that are reset too often. */
async function defaultServer(): Promise<{ server: Http2Server; port: number }> {
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    stream.on("error", () => {});
    if (headers["x-hang"] !== undefined) return;
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

/** Calls of the innocent that a test rests on. */
const LEAST_CALLS = 5;

describe("isolation", () => {
  let proxy: LocalProxy;
  let innocent: RawClient;
  let failures: string[] = [];
  let calls = 0;

  const callWell = async (name: string = NAME): Promise<void> => {
    const { status, message, resetCode } = await innocent.call(Buffer.alloc(20), { ":authority": name });
    calls++;
    if (status !== 0) failures.push(`${status} ${message} (${resetCode})`);
  };
  /** Calls on and on while `work` runs, and a few times at least, however quickly it is done. */
  const beside = async (work: () => Promise<void>, name: string = NAME): Promise<void> => {
    let running = true;
    const load = (async () => {
      while (running || calls <= LEAST_CALLS) {
        await callWell(name);
        await sleep(1);
      }
    })();
    await work();
    running = false;
    await load;
    assert.deepEqual(failures, []);
    assert.ok(calls > LEAST_CALLS, `${calls} calls`);
  };

  before(async () => {
    proxy = await LocalProxy.start();
    innocent = new RawClient(proxy.port);
  });
  afterEach(() => {
    failures = [];
    calls = 0;
  });
  after(async () => {
    innocent.close();
    await proxy.close();
  });

  it(`${CANCELS} quick cancels of one client cost another on the same endpoint connection nothing`, async () => {
    const { server, port } = await defaultServer();
    proxy.apply([port], { name: NAME, maxConnectionsPerEndpoint: 1 });
    const suppressedBefore = proxy.worker.row(0)[WorkerColumn.resetsSuppressed]!;
    await callWell();
    await beside(async () => {
      const rude = new RawClient(proxy.port);
      for (let i = 0; i < CANCELS; i++) {
        const stream = rude.open({ ":authority": NAME, "x-hang": "1" });
        if (i % 10 === 9) {
          // The endpoint has the stream before the cancel comes.
          await sleep(2);
        }
        stream.close(8);
        if (i % 50 === 49) await turn();
      }
      await sleep(50);
      rude.close();
    });
    assert.equal(proxy.row(NAME)[ClusterColumn.upstreamDisconnects], 0);
    assert.ok(proxy.worker.row(0)[WorkerColumn.resetsSuppressed]! >= suppressedBefore);
    proxy.remove(NAME);
    server.close();
  });

  it(`${CANCELS} cancels of streams the endpoint has: resets are rationed, no call is lost`, async () => {
    const { server, port } = await defaultServer();
    proxy.apply([port], { name: "rationed:1", maxConnectionsPerEndpoint: 4 });
    const row = proxy.row("rationed:1");
    await callWell("rationed:1");
    await beside(async () => {
      const rude = new RawClient(proxy.port);
      for (let round = 0; round < CANCELS / 50; round++) {
        const attempts = row[ClusterColumn.attempts]!;
        const streams = Array.from({ length: 50 }, () =>
          rude.open({ ":authority": "rationed:1", "x-hang": "1" }),
        );
        await until("the endpoint has them", () => row[ClusterColumn.attempts]! - attempts >= 40, {
          limitMs: 200,
        }).catch(() => {});
        for (const stream of streams) stream.close(8);
      }
      rude.close();
      await sleep(20);
    }, "rationed:1");
    const goaways = row[ClusterColumn.upstreamDisconnects + DisconnectReason.goawayError];
    assert.equal(goaways, 0);
    assert.ok(proxy.worker.row(0)[WorkerColumn.resetsSuppressed]! > 0);
    await until(
      "connections with nothing but cancelled streams are closed",
      () => proxy.dataPlane.streams === 0,
    );
    proxy.remove("rationed:1");
    server.close();
  });

  it("a header list above the endpoint's limit is refused at the front", async () => {
    const seen: number[] = [];
    const backend = await RawBackend.start({
      settings: setting(6, 8192),
      onRequest: ({ connection, id }) => {
        seen.push(id);
        connection.answer(id);
      },
    });
    proxy.apply([backend.port], { name: "java:1" });
    await callWell("java:1");
    await beside(async () => {
      const large = new RawClient(proxy.port);
      for (const octets of [9000, 30_000]) {
        const headers = { ":authority": "java:1", "x-large": "v".repeat(octets) };
        const { status, message } = await large.call(Buffer.alloc(5), headers);
        assert.equal(status, 8, `${octets} octets`);
        assert.match(message, /request headers are above the limit of java:1/);
      }
      large.close();
      await sleep(30);
      // 40 KB is above what this proxy itself announces, so it takes a client that does not care.
      const rude = new RawClient(proxy.port);
      await once(rude.session, "remoteSettings");
      const answer = await rude.call(Buffer.alloc(5), {
        ":authority": "java:1",
        "x-large": "v".repeat(40_000),
      });
      assert.ok(answer.status === 8 || answer.resetCode !== 0);
      rude.close();
    }, "java:1");
    assert.equal(seen.length, calls);
    assert.equal(backend.connections.length, 1);
    proxy.remove("java:1");
    backend.stop();
  });

  const bad: readonly (readonly [string, (id: number) => Buffer[]])[] = [
    [
      "an upper-case name",
      (id) => [
        frame(Type.headers, Flag.endHeaders, id, Buffer.concat([RESPONSE_HEADERS, literal("Bad", "x")])),
      ],
    ],
    [
      "a line break in a value",
      (id) => [
        frame(Type.headers, Flag.endHeaders, id, Buffer.concat([RESPONSE_HEADERS, literal("bad", "x\r\ny")])),
      ],
    ],
    [
      "no :status",
      (id) => [frame(Type.headers, Flag.endHeaders, id, literal("content-type", "application/grpc"))],
    ],
    ["DATA without HEADERS", (id) => [frame(Type.data, 0, id, Buffer.alloc(10))]],
    [
      "connection: close",
      (id) => [
        frame(
          Type.headers,
          Flag.endHeaders,
          id,
          Buffer.concat([RESPONSE_HEADERS, literal("connection", "close")]),
        ),
      ],
    ],
    [
      "pseudo-header in trailers",
      (id) => [
        frame(Type.headers, Flag.endHeaders, id, RESPONSE_HEADERS),
        frame(
          Type.headers,
          Flag.endHeaders | Flag.endStream,
          id,
          Buffer.concat([OK_TRAILERS, literal(":status", "200")]),
        ),
      ],
    ],
    [
      "trailers without END_STREAM",
      (id) => [
        frame(Type.headers, Flag.endHeaders, id, RESPONSE_HEADERS),
        frame(Type.headers, Flag.endHeaders, id, OK_TRAILERS),
      ],
    ],
    [
      "40 KB of headers",
      (id) => {
        const block = Buffer.concat([RESPONSE_HEADERS, literal("x", "v".repeat(40_000))]);
        return [
          frame(Type.headers, 0, id, block.subarray(0, 16_384)),
          frame(Type.continuation, 0, id, block.subarray(16_384, 32_768)),
          frame(Type.continuation, Flag.endHeaders, id, block.subarray(32_768)),
        ];
      },
    ],
  ];
  for (const [what, frames] of bad) {
    it(`an endpoint that answers with ${what} costs its own call only`, async () => {
      const name = "bad:1";
      const backend = await RawBackend.start({
        onRequest: ({ connection, id, body }) => {
          if (body.toString() === "bad") connection.send(...frames(id));
          else connection.answer(id);
        },
      });
      proxy.apply([backend.port], { name });
      await callWell(name);
      await beside(async () => {
        for (let i = 0; i < 3; i++) {
          const { status } = await innocent.call(Buffer.from("bad"), { ":authority": name });
          assert.equal(status, 13);
        }
        await sleep(10);
      }, name);
      assert.equal(backend.connections.length, 1);
      assert.equal(innocent.goaway, -1);
      proxy.remove(name);
      backend.stop();
    });
  }

  it("an endpoint that breaks HTTP/2 itself costs its connection at once, and no client its own", async () => {
    let broken = false;
    const backend = await RawBackend.start({
      onRequest: ({ connection, id, body }) => {
        if (body.toString() !== "break") {
          if (body.length > 0) connection.answer(id);
          return;
        }
        broken = true;
        connection.send(frame(Type.ping, 0, 0, Buffer.alloc(3)));
      },
    });
    proxy.apply([backend.port], { name: "broken:1" });
    await callWell("broken:1");
    const waiting = innocent.call(Buffer.alloc(0), { ":authority": "broken:1" });
    const started = performance.now();
    const { status, message } = await innocent.call(Buffer.from("break"), { ":authority": "broken:1" });
    assert.equal(status, 14);
    assert.match(message, /connection lost during the call to broken:1/);
    assert.equal((await waiting).status, 14);
    assert.ok(broken && performance.now() - started < 500);
    await callWell("broken:1");
    assert.deepEqual(failures, []);
    assert.equal(innocent.goaway, -1);
    assert.equal(proxy.worker.row(0)[WorkerColumn.upstreamProtocolErrors + errorCodeCell(6)], 1);
    proxy.remove("broken:1");
    backend.stop();
  });

  const invalid: readonly (readonly [string, Record<string, string>])[] = [
    ["an invalid deadline", { "grpc-timeout": "never" }],
    ["no path", { ":path": "" }],
  ];
  for (const [what, headers] of invalid) {
    it(`a request with ${what} costs its sender's stream only`, async () => {
      const backend = await RawBackend.start({ onRequest: ({ connection, id }) => connection.answer(id) });
      proxy.apply([backend.port], { name: "valid:1" });
      await callWell("valid:1");
      await beside(async () => {
        const answer = await innocent.call(Buffer.alloc(1), { ":authority": "valid:1", ...headers });
        assert.notEqual(answer.status, 0);
        await sleep(20);
      }, "valid:1");
      assert.equal(backend.connections[0]!.streams.size, calls);
      proxy.remove("valid:1");
      backend.stop();
    });
  }
});
