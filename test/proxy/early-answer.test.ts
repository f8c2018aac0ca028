import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LocalProxy } from "./fixture/local-proxy.ts";
import { Flag, frame, literal, RawBackend, RESPONSE_HEADERS, Type } from "./fixture/raw-backend.ts";
import { answerOf, RawClient } from "./fixture/raw-client.ts";
import { until } from "./fixture/until.ts";

const NAME = "early:1";
const BODY = randomBytes(60_000);

describe("an answer that is complete before the request", () => {
  let proxy: LocalProxy;
  let backend: RawBackend;
  const seen = { resets: [] as number[] };
  let then: "reset" | "nothing" | "close" = "reset";

  before(async () => {
    proxy = await LocalProxy.start();
    backend = await RawBackend.start({
      onData: ({ connection, id, body }) => {
        if (body.length < 1000 || body.length > 2000) return;
        connection.answer(id, BODY);
        if (then === "reset") connection.reset(id, 0);
        if (then === "close") connection.socket.end();
      },
      onReset: (_stream, code) => seen.resets.push(code),
    });
    proxy.apply([backend.port], { name: NAME });
  });
  after(async () => {
    await proxy.close();
    backend.stop();
  });

  for (const [what, initialWindowSize] of [
    ["a quick reader", 65_535],
    ["a reader with a small window", 1000],
  ] as const) {
    for (const how of ["reset", "nothing", "close"] as const) {
      it(`reaches ${what} whole when the endpoint then does: ${how}`, async () => {
        then = how;
        const client = new RawClient(proxy.port, { initialWindowSize });
        const stream = client.open({ ":authority": NAME });
        const reads = initialWindowSize > 60_000 ? answerOf(stream) : undefined;
        stream.write(Buffer.alloc(1500));
        await sleep(50);
        const { status, body } = await (reads ?? answerOf(stream));
        assert.equal(status, 0);
        assert.ok(body.equals(BODY));
        await proxy.settled();
        client.close();
      });
    }
  }

  it("ends the endpoint's stream too, by a reset, when the endpoint leaves it open", () =>
    until("resets were seen", () => seen.resets.length >= 2));

  it("is not overtaken by the deadline once it is whole", async () => {
    then = "nothing";
    const client = new RawClient(proxy.port, { initialWindowSize: 1000 });
    const stream = client.open({ ":authority": NAME, "grpc-timeout": "30m" });
    stream.write(Buffer.alloc(1500));
    await sleep(80);
    const { status, body } = await answerOf(stream);
    assert.equal(status, 0);
    assert.ok(body.equals(BODY));
    client.close();
  });

  it("may be trailers alone", async () => {
    const refusing = await RawBackend.start({
      onHeaders: ({ connection, id }) => {
        const block = Buffer.concat([
          RESPONSE_HEADERS,
          literal("grpc-status", "7"),
          literal("grpc-message", "no"),
        ]);
        connection.send(frame(Type.headers, Flag.endHeaders | Flag.endStream, id, block));
        connection.reset(id, 0);
      },
    });
    proxy.apply([refusing.port], { name: "refusing:1" });
    const client = new RawClient(proxy.port);
    const stream = client.open({ ":authority": "refusing:1" });
    stream.write(Buffer.alloc(200_000));
    const { status, message } = await answerOf(stream);
    assert.equal(status, 7);
    assert.equal(message, "no");
    client.close();
    refusing.stop();
  });

  it("is an error when the connection goes before its end", async () => {
    const cutting = await RawBackend.start({
      onHeaders: ({ connection, id }) => {
        connection.send(
          frame(Type.headers, Flag.endHeaders, id, RESPONSE_HEADERS),
          frame(Type.data, 0, id, BODY.subarray(0, 100)),
        );
        connection.socket.end();
      },
    });
    proxy.apply([cutting.port], { name: "cutting:1" });
    const client = new RawClient(proxy.port);
    const { status, body } = await answerOf(client.open({ ":authority": "cutting:1" }));
    assert.equal(status, 14);
    assert.ok(body.equals(BODY.subarray(0, 100)));
    client.close();
    cutting.stop();
  });
});
