import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { GrpcStatus } from "../../src/grpc/status.ts";
import { LocalProxy } from "./fixture/local-proxy.ts";
import type { RawStream } from "./fixture/raw-backend.ts";
import { Flag, frame, RawBackend, RESPONSE_HEADERS, Type } from "./fixture/raw-backend.ts";
import { answerOf, RawClient } from "./fixture/raw-client.ts";
import { until } from "./fixture/until.ts";

const LIMIT_OCTETS = 100_000;

describe("a limit for request bodies", () => {
  let proxy: LocalProxy;
  let backend: RawBackend;
  let client: RawClient;
  let resets: number[] = [];
  let onData = (_: RawStream): void => {};

  before(async () => {
    proxy = await LocalProxy.start({ maxRequestBodyOctets: LIMIT_OCTETS });
    backend = await RawBackend.start({
      onRequest: ({ id, connection, body }) => connection.answer(id, Buffer.from(String(body.length))),
      onData: (stream) => onData(stream),
      onReset: (_, errorCode) => resets.push(errorCode),
    });
    proxy.apply([backend.port]);
    client = new RawClient(proxy.port);
  });
  after(async () => {
    client.close();
    await proxy.close();
    backend.stop();
  });

  const CANCEL = 8;

  it("lets a body of exactly that length pass", async () => {
    const { status, body } = await client.call(Buffer.alloc(LIMIT_OCTETS));
    assert.equal(status, GrpcStatus.ok);
    assert.equal(body.toString(), String(LIMIT_OCTETS));
  });

  it("answers one octet more with RESOURCE_EXHAUSTED, and cancels what the endpoint has of it", async () => {
    resets = [];
    const { status, message } = await client.call(Buffer.alloc(LIMIT_OCTETS + 1));
    assert.equal(status, GrpcStatus.resourceExhausted);
    assert.match(message, /^isobar: the request's body is above the limit of this proxy, 100000 octets/);
    await until("the endpoint's stream is reset", () => resets.length === 1);
    assert.deepEqual(resets, [CANCEL]);
  });

  it("refuses by content-length before an octet of the body has come", async () => {
    const stream = client.open({ "content-length": String(LIMIT_OCTETS + 1) });
    const { status } = await answerOf(stream);
    assert.equal(status, GrpcStatus.resourceExhausted);
    assert.equal((await client.call(Buffer.alloc(10), { "content-length": "10" })).status, GrpcStatus.ok);
  });

  it("counts all messages of a stream, and ends an answer that has begun by trailers", async () => {
    resets = [];
    onData = ({ id, connection, body }) => {
      if (body.length === 50_000) connection.send(frame(Type.headers, Flag.endHeaders, id, RESPONSE_HEADERS));
    };
    const stream = client.open();
    const answer = answerOf(stream);
    stream.write(Buffer.alloc(50_000));
    await new Promise((resolve) => stream.once("response", resolve));
    stream.write(Buffer.alloc(50_000));
    stream.write(Buffer.alloc(1));
    const { status, headers } = await answer;
    assert.equal(headers["grpc-status"], undefined);
    assert.equal(status, GrpcStatus.resourceExhausted);
    await until("the endpoint's stream is reset", () => resets.length === 1);
  });

  it("drops what a client sends on after the answer, without harm to its other calls", async () => {
    onData = () => {};
    const stream = client.open();
    const answer = answerOf(stream);
    for (let i = 0; i < 20; i++) stream.write(Buffer.alloc(50_000));
    assert.equal((await answer).status, GrpcStatus.resourceExhausted);
    assert.equal((await client.call(Buffer.alloc(1000))).status, GrpcStatus.ok);
    assert.equal(client.goaway, -1);
  });
});
