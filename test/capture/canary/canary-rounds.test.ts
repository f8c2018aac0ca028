import assert from "node:assert/strict";
import type { IncomingHttpHeaders, ServerHttp2Session } from "node:http2";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, describe, it } from "node:test";
import { CanaryConnection } from "../../../src/capture/canary/canary-connection.ts";
import { CanaryRounds } from "../../../src/capture/canary/canary-rounds.ts";
import { EchoServer } from "../../../src/capture/canary/echo-server.ts";

interface Answer {
  readonly worker: number;
  readonly hangs?: boolean;
  readonly status?: string;
}

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A proxy with workers that answer canaries themselves. @param answer by the number of the connection, from 0. */
async function proxy(
  answer: (connection: number) => Answer,
): Promise<{ port: number; sessions: Set<ServerHttp2Session> }> {
  const server = createServer();
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    const number = sessions.size;
    sessions.add(session);
    session.on("error", () => {});
    session.on("stream", (stream, headers: IncomingHttpHeaders) => {
      stream.on("error", () => {});
      const { worker, hangs, status = "0" } = answer(number);
      if (hangs) return;
      const { "x-isobar-nonce": nonce = "" } = headers;
      stream.respond(
        { "content-type": "application/grpc", "x-isobar-nonce": nonce, "x-isobar-worker": String(worker) },
        { waitForTrailers: true },
      );
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": status }));
      stream.end(Buffer.alloc(5));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sessions };
}

function rounds(port: number, onLost: () => void = () => {}): CanaryRounds {
  const made = new CanaryRounds("127.0.0.1", port, onLost);
  closers.push(() => made.close());
  return made;
}

describe("CanaryRounds", () => {
  it("is good when every worker answers, and keeps a connection to each", async () => {
    // Two connections of three go to the first.
    const { port, sessions } = await proxy((connection) => ({ worker: connection % 3 === 2 ? 1 : 0 }));
    const canaries = rounds(port);
    assert.deepEqual(await canaries.round(2), { kind: "good" });
    const opened = sessions.size;
    for (let i = 0; i < 20; i++) assert.deepEqual(await canaries.round(2), { kind: "good" });
    assert.equal(sessions.size, opened);
  });

  it("fails when one of two workers does not answer", async () => {
    let hangs = false;
    const { port } = await proxy((connection) => ({
      worker: connection % 2,
      hangs: hangs && connection % 2 === 1,
    }));
    const canaries = rounds(port);
    assert.deepEqual(await canaries.round(2), { kind: "good" });
    hangs = true;
    const result = await canaries.round(2);
    assert.equal(result.kind, "failed");
    hangs = false;
    assert.deepEqual(await canaries.round(2), { kind: "good" });
  });

  it("fails when only one of two workers is ever met, or the status is not 0", async () => {
    const one = await proxy(() => ({ worker: 0 }));
    assert.deepEqual(await rounds(one.port).round(2), { kind: "failed", why: "1 of 2 workers answered" });
    const sick = await proxy(() => ({ worker: 0, status: "14" }));
    const result = await rounds(sick.port).round(1);
    assert.match(result.kind === "failed" ? result.why : "", /grpc-status 14/);
  });

  it("is refused where nobody listens, and told at once when a connection is lost", async () => {
    const { port, sessions } = await proxy(() => ({ worker: 0 }));
    const { promise, resolve } = Promise.withResolvers<void>();
    const canaries = rounds(port, resolve);
    assert.deepEqual(await canaries.round(1), { kind: "good" });
    closers.shift()!();
    for (const session of sessions) session.destroy();
    await promise;
    assert.deepEqual(await canaries.round(1), { kind: "refused" });
  });
});

describe("EchoServer", () => {
  it("gives a gRPC client its x-isobar headers back, and goes on for more messages than a window has room for", async () => {
    const echo = new EchoServer();
    const port = await echo.open();
    closers.push(() => echo.close());
    const canary = new CanaryConnection("127.0.0.1", port);
    closers.push(() => canary.close());
    // Nobody between says which worker it was.
    assert.deepEqual(await canary.send("1", 5_000), {
      kind: "failed",
      why: "no worker is named in the answer",
    });
    const { connect } = await import("node:http2");
    const session = connect(`http://127.0.0.1:${port}`);
    closers.push(() => session.destroy());
    for (let i = 0; i < 50; i++) {
      const stream = session.request({
        ":method": "POST",
        ":path": "/x",
        "x-isobar-worker": String(i),
        "x-other": "y",
      });
      stream.end(Buffer.alloc(4_000));
      const [headers] = (await once(stream, "response")) as [IncomingHttpHeaders];
      assert.equal(headers["x-isobar-worker"], String(i));
      assert.equal(headers["x-other"], undefined);
      stream.resume();
      await once(stream, "close");
    }
  });
});

async function once(emitter: NodeJS.EventEmitter, event: string): Promise<unknown[]> {
  const events = await import("node:events");
  return await events.once(emitter, event);
}
