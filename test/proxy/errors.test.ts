import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { ProxyError } from "../../src/proxy/proxy-error.ts";
import { PROXY_ERRORS } from "../../src/proxy/proxy-error.ts";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { ClusterColumn } from "../../src/telemetry/cluster-counters.ts";
import { ResponseFlag } from "../../src/telemetry/response-flag.ts";
import { freePorts } from "../support/free-ports.ts";
import { LocalProxy } from "./fixture/local-proxy.ts";
import { Flag, frame, literal, RawBackend, RESPONSE_HEADERS, setting, Type } from "./fixture/raw-backend.ts";
import type { RawAnswer } from "./fixture/raw-client.ts";
import { answerOf, RawClient } from "./fixture/raw-client.ts";
import { until } from "./fixture/until.ts";
import { retriesOf } from "./retry/retry-settings.ts";
import { LiveRoutes } from "./routes/live-routes.ts";

const BODY = Buffer.alloc(5);

/** A backend that does with a stream what the request's path says. */
function backend(): Promise<RawBackend> {
  return RawBackend.start({
    settings: Buffer.concat([setting(3, 1), setting(6, 2000)]),
    onRequest: ({ connection, id, body }) => {
      const command = body.toString();
      if (command === "refuse") connection.reset(id, 7);
      else if (command === "reset") connection.reset(id, 2);
      else if (command === "drop") connection.socket.destroy();
      else if (command.startsWith("half")) {
        connection.send(
          frame(Type.headers, Flag.endHeaders, id, RESPONSE_HEADERS),
          frame(Type.data, 0, id, BODY),
        );
        if (command === "half-reset") connection.reset(id, 2);
        else setTimeout(() => connection.socket.destroy(), 20);
      } else if (command === "bad")
        connection.send(frame(Type.headers, Flag.endHeaders, id, literal("Upper", "x")));
      else if (command === "large") {
        const block = Buffer.concat([RESPONSE_HEADERS, literal("x-large", "v".repeat(9000))]);
        connection.send(frame(Type.headers, Flag.endHeaders | Flag.endStream, id, block));
      } else if (command !== "hang") connection.answer(id);
    },
  });
}

describe("errors of our own", () => {
  let proxy: LocalProxy;
  let raw: RawBackend;
  let client: RawClient;
  const reached = new Set<ProxyError>();

  const expect = (answer: RawAnswer, error: ProxyError, subject: string | RegExp): void => {
    reached.add(error);
    assert.equal(answer.status, error.grpcStatus, answer.message);
    assert.equal(answer.headers[":status"], 200);
    assert.ok(answer.message.startsWith(`isobar: ${error.message}`), answer.message);
    assert.match(answer.message, typeof subject === "string" ? new RegExp(subject) : subject);
  };
  const call = (command: string, headers = {}) =>
    client.call(Buffer.from(command), { ":authority": "raw:1", ...headers });

  before(async () => {
    proxy = await LocalProxy.start();
    raw = await backend();
    proxy.apply([raw.port], { name: "raw:1", maxConnectionsPerEndpoint: 1, maxPendingStreams: 1 });
    client = new RawClient(proxy.port, { maxHeaderListSize: 8000 });
  });
  after(async () => {
    client.close();
    await proxy.close();
    raw.stop();
  });

  it("no_route: the authority is named, the status is not one that is retried for ever", async () => {
    const answer = await client.call(BODY, { ":authority": "nobody.test:1" });
    expect(answer, PROXY_ERRORS.noRoute, /"nobody\.test:1"$/);
    assert.equal(proxy.unrouted(12, ResponseFlag.noRoute), 1);
  });

  it("no_endpoint", async () => {
    proxy.apply([], { name: "empty:1" });
    expect(await client.call(BODY, { ":authority": "empty:1" }), PROXY_ERRORS.noEndpoint, "empty:1");
    assert.equal(proxy.finished(14, ResponseFlag.noHealthyUpstream, "empty:1"), 1);
  });

  it("connect_failure, when no endpoint takes a connection", async () => {
    proxy.apply(await freePorts(2), { name: "closed:1" });
    expect(await client.call(BODY, { ":authority": "closed:1" }), PROXY_ERRORS.connectFailure, "closed:1");
    assert.equal(proxy.finished(14, ResponseFlag.upstreamConnectionFailure, "closed:1"), 1);
  });

  it("refused, when every endpoint tried refuses", async () => {
    expect(await call("refuse"), PROXY_ERRORS.refused, "raw:1");
    assert.equal(proxy.finished(14, ResponseFlag.retryLimitExceeded, "raw:1"), 1);
  });

  it("overflow, when endpoints and queue are full", async () => {
    const hanging = client.open({ ":authority": "raw:1" });
    hanging.end("hang");
    await until("the stream hangs", () => proxy.inFlight === 1);
    const waiting = call("ok");
    await until("another waits", () => proxy.row("raw:1")[ClusterColumn.streamsQueued] === 1);
    expect(await call("ok"), PROXY_ERRORS.overflow, "raw:1");
    assert.equal(proxy.finished(8, ResponseFlag.upstreamOverflow, "raw:1"), 1);
    hanging.close(8);
    reached.add(PROXY_ERRORS.cancelled);
    assert.equal((await waiting).status, 0);
    await until(
      "the cancel is counted",
      () => proxy.finished(1, ResponseFlag.downstreamReset, "raw:1") === 1,
    );
    await proxy.settled();
  });

  it("connection_lost, with the endpoint's address", async () => {
    expect(await call("drop"), PROXY_ERRORS.connectionLost, `raw:1 \\(127.0.0.1:${raw.port}\\)`);
    assert.equal(proxy.finished(14, ResponseFlag.upstreamConnectionTermination, "raw:1"), 1);
  });

  it("upstream_reset, with address and code", async () => {
    expect(
      await call("reset"),
      PROXY_ERRORS.upstreamReset,
      `raw:1 \\(127.0.0.1:${raw.port}, error code 2\\)`,
    );
    assert.equal(proxy.finished(13, ResponseFlag.upstreamReset, "raw:1"), 1);
  });

  it("upstream_protocol_error, which costs that call alone", async () => {
    expect(await call("bad"), PROXY_ERRORS.upstreamProtocol, "raw:1");
    assert.equal(proxy.finished(13, ResponseFlag.upstreamProtocolError, "raw:1"), 1);
    assert.equal((await call("ok")).status, 0);
  });

  it("request_headers_too_large, by the endpoint's limit and by our own", async () => {
    expect(await call("ok", { "x-large": "v".repeat(3000) }), PROXY_ERRORS.requestTooLarge, "raw:1");
    // node:http2 keeps to what we announce, so only a client that does not is told.
    assert.equal((await call("ok")).status, 0);
  });

  it("request_body_too_large", async () => {
    const strict = await LocalProxy.start({ maxRequestBodyOctets: 1000 });
    strict.apply([raw.port], { name: "raw:1" });
    const other = new RawClient(strict.port);
    const body = Buffer.alloc(1001);
    const wanted = "this proxy, 1000 octets, in a call to raw:1";
    expect(await other.call(body, { ":authority": "raw:1" }), PROXY_ERRORS.bodyTooLarge, wanted);
    other.close();
    await strict.close();
  });

  it("response_headers_too_large", async () => {
    expect(await call("large"), PROXY_ERRORS.responseTooLarge, "raw:1");
    assert.equal((await call("ok")).status, 0);
  });

  it("deadline", async () => {
    expect(await call("hang", { "grpc-timeout": "30m" }), PROXY_ERRORS.deadline, "raw:1");
    await proxy.settled();
  });

  it("downstream_protocol_error costs that request alone, and is counted without a name", async () => {
    const before = proxy.row("raw:1").slice();
    const stream = client.open({ ":authority": "raw:1", "grpc-timeout": "soon" }, true);
    assert.equal((await answerOf(stream)).resetCode, 1);
    assert.equal(proxy.unrouted(13, ResponseFlag.downstreamProtocolError), 1);
    assert.deepEqual(proxy.row("raw:1").slice(), before);
    reached.add(PROXY_ERRORS.downstreamProtocol);
    assert.equal((await call("ok")).status, 0);
  });

  it("over_budget", async () => {
    const small = await LocalProxy.start({ slabOctets: 2 ** 20 });
    const greedy = await RawBackend.start({ settings: setting(4, 0) });
    small.apply([greedy.port], { name: "raw:1" });
    const other = new RawClient(small.port);
    const answers = Array.from({ length: 20 }, () =>
      other.call(Buffer.alloc(60_000), { ":authority": "raw:1" }),
    );
    expect(await Promise.race(answers), PROXY_ERRORS.overBudget, "raw:1");
    other.close();
    await small.close();
    greedy.stop();
  });

  it("overload", async () => {
    const short = await LocalProxy.start();
    short.apply([raw.port], { name: "raw:1" });
    short.overload.set(2, 91, 100);
    const other = new RawClient(short.port);
    const answer = await other.call(BODY, { ":authority": "raw:1" });
    expect(answer, PROXY_ERRORS.overload, "raw:1");
    const pushbackMs = Number(answer.headers["grpc-retry-pushback-ms"]);
    assert.ok(pushbackMs >= 1000 && pushbackMs <= 2000, `${pushbackMs} ms`);
    other.close();
    await short.close();
  });

  it("draining: what the limit cuts off is told so", async () => {
    const leaving = await LocalProxy.start();
    leaving.apply([raw.port], { name: "raw:1" });
    const other = new RawClient(leaving.port);
    const answer = other.call(Buffer.from("hang"), { ":authority": "raw:1" });
    await until("the stream hangs", () => leaving.inFlight === 1);
    leaving.dataPlane.drain();
    assert.equal(leaving.dataPlane.cutOff(), 1);
    expect(await answer, PROXY_ERRORS.draining, "raw:1");
    other.close();
    await leaving.close();
  });

  it("request_limit, request_timeout, idle_timeout, per_try_timeout: a limit of the cluster's", async () => {
    const none = { maxRequests: 0, maxRequestsPerEndpoint: 0, maxRequestsPerConnection: 0 };
    const retries = retriesOf({ attempts: 1, perTryTimeoutMs: 30 });
    const hanging: [ProxyError, Parameters<typeof clusterSettings>[0]][] = [
      [PROXY_ERRORS.requestTimeout, { timeouts: { requestMs: 30, idleMs: 0 } }],
      [PROXY_ERRORS.idleTimeout, { timeouts: { requestMs: 0, idleMs: 30 } }],
      [PROXY_ERRORS.perTryTimeout, { retries }],
      [
        PROXY_ERRORS.requestLimit,
        { circuit: { ...none, maxRequests: 1 }, timeouts: { requestMs: 200, idleMs: 0 } },
      ],
    ];
    const mute = await RawBackend.start();
    for (const [error, settings] of hanging) {
      const name = `${error.code.replaceAll("_", "-")}:1`;
      proxy.apply([mute.port], { name, settings: clusterSettings(settings) });
      const first = client.call(BODY, { ":authority": name });
      const second = client.call(BODY, { ":authority": name });
      expect(error === PROXY_ERRORS.requestLimit ? await second : await first, error, name);
      await Promise.all([first, second]);
      proxy.remove(name);
    }
    mute.stop();
  });

  it("are not told as gRPC to who does not speak it", async () => {
    const cases = [
      ["nobody:1", "404"],
      ["empty:1", "503"],
    ];
    for (const [authority, status] of cases) {
      const answer = await client.call(BODY, { ":authority": authority, "content-type": "text/plain" });
      assert.equal(String(answer.headers[":status"]), status);
      assert.equal(answer.status, -1);
    }
  });

  it("cut half an answer off where trailers would make it look whole", async () => {
    for (const command of ["half", "half-reset"]) {
      const answer = await call(command, { "content-type": "text/plain" });
      assert.equal(answer.headers[":status"], 200);
      assert.equal(answer.body.length, 5);
      assert.equal(answer.resetCode, 2);
      assert.deepEqual({ ...answer.trailers }, {});
    }
    const grpc = await call("half");
    assert.equal(grpc.status, PROXY_ERRORS.connectionLost.grpcStatus);
  });

  it("no_labelled_endpoint, when a route asks for labels that no endpoint has", async () => {
    const endpoints = { labels: { shard: "7" }, fromHeaders: {}, fallback: "fail" } as const;
    await new LiveRoutes(proxy).apply({ authorities: ["raw:1"], endpoints });
    expect(await call("ok"), PROXY_ERRORS.noLabelledEndpoint, "raw:1");
  });

  it("no_match", async () => {
    // As a control plane's client has it where none of the routes takes all.
    const routes = [{ path: "/a.B/*", headers: [] }];
    await new LiveRoutes(proxy).apply(
      { authorities: ["raw:1"], matches: routes },
      { authorities: ["raw:1"], clusters: [{ name: "", weight: 1 }] },
    );
    expect(await call("ok"), PROXY_ERRORS.noMatch, /"raw:1"$/);
  });

  it("every row of the table was reached", () => {
    // Those of TLS are reached in test/upstream/tls.test.ts, those of authorities in asked-authorities.test.ts, of policies in access/network-policies.test.ts.
    const missing = Object.values<ProxyError>(PROXY_ERRORS).filter(
      (error) => !reached.has(error) && !/^(?:tls|authority|denied_by)_/.test(error.code),
    );
    assert.deepEqual(
      missing.map(({ code }) => code),
      [],
    );
  });
});
