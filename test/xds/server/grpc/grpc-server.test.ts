import assert from "node:assert/strict";
import { once } from "node:events";
import type { ClientHttp2Stream } from "node:http2";
import { connect as connectHttp2 } from "node:http2";
import type { Socket } from "node:net";
import { connect } from "node:net";
import type { TestContext } from "node:test";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClientDuplexStream, ServiceError } from "@grpc/grpc-js";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import type { CallHandler } from "../../../../src/xds/server/grpc/call-handler.ts";
import type { GrpcCall } from "../../../../src/xds/server/grpc/grpc-call.ts";
import { GrpcServer } from "../../../../src/xds/server/grpc/grpc-server.ts";

const PATH = "/test.Echo/Stream";
const same = (octets: Buffer): Buffer => octets;
const KEEPALIVE = { keepaliveMs: 30_000, keepaliveTimeoutMs: 20_000 };

type Stream = ClientDuplexStream<Buffer, Buffer>;

async function serve(
  t: TestContext,
  method: (call: GrpcCall) => void,
  options: Partial<typeof KEEPALIVE> = {},
): Promise<number> {
  const server = new GrpcServer({ maxMessageOctets: 4 * 1_048_576, ...KEEPALIVE, ...options });
  t.after(() => server.close());
  server.handle(PATH, method);
  return await server.listen("127.0.0.1", 0);
}

/** Sends everything back, and ends when the client does. */
function echo(call: GrpcCall): void {
  call.serve(handler({ onMessage: (octets) => call.write([Buffer.from(octets)]), onEnd: () => call.end() }));
}

function handler(more: Partial<CallHandler>): CallHandler {
  return { onMessage: () => {}, onEnd: () => {}, onDrained: () => {}, onClosed: () => {}, ...more };
}

function open(t: TestContext, port: number, path = PATH, metadata = new Metadata()): Stream {
  const options = { "grpc.max_receive_message_length": -1, "grpc.use_local_subchannel_pool": 1 };
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), options);
  t.after(() => client.close());
  return client.makeBidiStreamRequest(path, same, same, metadata);
}

/** A call without a library that would read or write more than it is told to. */
function request(t: TestContext, port: number): ClientHttp2Stream {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  t.after(() => session.destroy());
  return session.request(
    { ":method": "POST", ":path": PATH, "content-type": "application/grpc", te: "trailers" },
    { endStream: false },
  );
}

function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

async function until(is: () => boolean): Promise<void> {
  for (const untilMs = performance.now() + 15_000; !is(); await sleep(10))
    assert.ok(performance.now() < untilMs, `it did not come to ${is}`);
}

function failureOf(stream: Stream): Promise<ServiceError> {
  stream.resume();
  return new Promise((resolve) => stream.on("error", (error) => resolve(error as ServiceError)));
}

describe("GrpcServer", () => {
  it("carries messages of all sizes both ways, in order, and ends with the client", async (t) => {
    const stream = open(t, await serve(t, echo));
    const sizes = [0, 1, 5, 4_000, 65_530, 65_536, 400_000, 3_000_000, 7];
    for (const [n, size] of sizes.entries()) stream.write(Buffer.alloc(size, n + 1));
    stream.end();
    const got: Buffer[] = [];
    stream.on("data", (octets: Buffer) => got.push(octets));
    const [status] = (await once(stream, "status")) as [{ readonly code: number }];
    assert.equal(status.code, 0);
    assert.deepEqual(
      got.map(({ length }) => length),
      sizes,
    );
    for (const [n, octets] of got.entries())
      assert.ok(
        octets.every((octet) => octet === n + 1),
        `${n}`,
      );
  });

  it("says what a client may not do, in words, before and after the first message", async (t) => {
    const port = await serve(t, (call) => {
      if (call.authorization !== "Bearer good") call.fail(16, "who? 100 % ünknown");
      else call.serve(handler({ onMessage: () => call.fail(7, `not you at ${call.peer}`) }));
      assert.equal(call.authorization === "Bearer good", !call.isOver);
    });
    const unknown = await failureOf(open(t, port));
    assert.equal(unknown.code, 16);
    assert.equal(unknown.details, "who? 100 % ünknown");
    const metadata = new Metadata();
    metadata.set("authorization", "Bearer good");
    const known = open(t, port, PATH, metadata);
    known.write(Buffer.from("may I?"));
    const refused = await failureOf(known);
    assert.equal(refused.code, 7);
    assert.match(refused.details, /^not you at 127\.0\.0\.1:\d+$/);
  });

  it("knows its own methods and no other", async (t) => {
    const port = await serve(t, echo);
    const { code, details } = await failureOf(open(t, port, "/test.Echo/Other"));
    assert.equal(code, 12);
    assert.equal(details, "/test.Echo/Other is not served here");
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    t.after(() => session.destroy());
    const plain = session.request({ ":path": PATH });
    const [headers] = (await once(plain, "response")) as [Record<string, unknown>];
    assert.equal(headers[":status"], 404, "who speaks no gRPC");
    plain.close();
  });

  it("keeps what comes before anybody listens, no more than the client's window", async (t) => {
    const calls = Promise.withResolvers<GrpcCall>();
    const stream = request(t, await serve(t, calls.resolve));
    let left = 0;
    for (let n = 0; n < 40; n++) stream.write(framed(Buffer.alloc(10_000, n)), () => left++);
    const call = await calls.promise;
    await sleep(200);
    assert.ok(left < 40, "all messages have left");
    let last = 0;
    const all = Promise.withResolvers<void>();
    call.serve(
      handler({
        onMessage: (octets) => {
          assert.equal(octets[9_999], last++);
          if (last === 40) all.resolve();
        },
      }),
    );
    await all.promise;
  });

  it("tells when a client reads on that did not", async (t) => {
    const drained = Promise.withResolvers<void>();
    const paused = Promise.withResolvers<number>();
    const port = await serve(t, (call) => {
      call.serve(
        handler({
          onMessage: () => {
            let writes = 1;
            while (call.write([Buffer.alloc(9_000), Buffer.alloc(0), Buffer.alloc(1_000)])) writes++;
            paused.resolve(writes);
          },
          onDrained: drained.resolve,
        }),
      );
    });
    const stream = request(t, port);
    stream.write(framed(Buffer.from("go")));
    const writes = await paused.promise;
    assert.ok(writes > 3 && writes < 20, `${writes} messages of 10,000 octets`);
    let octets = 0;
    stream.on("data", (chunk: Buffer) => {
      octets += chunk.length;
    });
    await drained.promise;
    await until(() => octets === writes * 10_005);
  });

  it("tells of a call's end once, whoever ends it", async (t) => {
    const ends: string[] = [];
    const twice = Promise.withResolvers<void>();
    const stays = Promise.withResolvers<void>();
    const port = await serve(t, (call) => {
      call.serve(
        handler({
          onMessage: (octets) => {
            if (octets.toString() === "end") call.end();
            else stays.resolve();
          },
          onClosed: () => {
            ends.push("closed");
            assert.equal(call.isOver, true);
            call.write([Buffer.from("nobody reads this")]);
            call.fail(13, "nor this");
            if (ends.length === 2) twice.resolve();
          },
        }),
      );
    });
    const ended = open(t, port);
    ended.resume().write(Buffer.from("end"));
    const [status] = (await once(ended, "status")) as [{ readonly code: number }];
    assert.equal(status.code, 0);
    const cancelled = open(t, port);
    cancelled.on("error", () => {});
    cancelled.write(Buffer.from("stay"));
    await stays.promise;
    cancelled.cancel();
    await twice.promise;
    assert.equal(ends.length, 2);
  });

  it("gives up who neither speaks nor answers a PING", async (t) => {
    const port = await serve(t, echo, { keepaliveMs: 100, keepaliveTimeoutMs: 100 });
    const silent: Socket = connect(port, "127.0.0.1");
    t.after(() => silent.destroy());
    // The preface and an empty SETTINGS, and nothing ever after.
    silent.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    silent.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    silent.resume().on("error", () => {});
    const alive = connectHttp2(`http://127.0.0.1:${port}`);
    t.after(() => alive.destroy());
    await once(silent, "close");
    assert.equal(alive.destroyed, false, "who answers stays");
  });
});
