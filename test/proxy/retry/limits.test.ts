import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import { CircuitLimit } from "../../../src/telemetry/circuit-limit.ts";
import { ClusterColumn } from "../../../src/telemetry/cluster-counters.ts";
import { ResponseFlag } from "../../../src/telemetry/response-flag.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import type { RawStream } from "../fixture/raw-backend.ts";
import { Flag, frame, RawBackend, RESPONSE_HEADERS, Type } from "../fixture/raw-backend.ts";
import { answerOf, RawClient } from "../fixture/raw-client.ts";
import { until } from "../fixture/until.ts";

const NO_TIMEOUTS = { requestMs: 0, idleMs: 0 };
const NO_LIMITS = { maxRequests: 0, maxRequestsPerEndpoint: 0, maxRequestsPerConnection: 0 };

describe("limits of a cluster's requests", () => {
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

  it("in time: timeouts.request ends a request that takes longer, streams included", async () => {
    const name = "request.test:1";
    const resets: number[] = [];
    const backend = await RawBackend.start({
      onHeaders: ({ connection, id }) =>
        connection.send(frame(Type.headers, Flag.endHeaders, id, RESPONSE_HEADERS)),
      onReset: (_stream, code) => resets.push(code),
    });
    const timeouts = { ...NO_TIMEOUTS, requestMs: 120 };
    proxy.apply([backend.port], { name, settings: clusterSettings({ timeouts }) });
    const started = performance.now();
    const answer = await answerOf(client.open({ ":authority": name }));
    const tookMs = performance.now() - started;
    assert.equal(answer.status, 4);
    assert.match(answer.message, /timeouts\.request passed during the call to request\.test:1/);
    assert.ok(tookMs >= 119 && tookMs < 1000, `${tookMs} ms`);
    assert.equal(proxy.finished(4, ResponseFlag.upstreamRequestTimeout, name), 1);
    await until("the endpoint sees the cancel", () => resets.length === 1);
    // The client's own deadline is shorter: that one counts.
    const own = await client.call(Buffer.from("x"), { ":authority": name, "grpc-timeout": "40m" });
    assert.equal(own.status, 4);
    assert.equal(proxy.finished(4, ResponseFlag.deadlineExceeded, name), 1);
    backend.stop();
    proxy.remove(name);
  });

  it("in time: timeouts.idle ends a silent stream, and none on which something moves", async () => {
    const name = "idle.test:1";
    const backend = await RawBackend.start({
      onHeaders: ({ connection, id }) =>
        connection.send(frame(Type.headers, Flag.endHeaders, id, RESPONSE_HEADERS)),
    });
    const timeouts = { ...NO_TIMEOUTS, idleMs: 600 };
    proxy.apply([backend.port], { name, settings: clusterSettings({ timeouts }) });
    const busy = client.open({ ":authority": name });
    let busyEnded = false;
    const busyAnswer = answerOf(busy).finally(() => {
      busyEnded = true;
    });
    const started = performance.now();
    const silent = answerOf(client.open({ ":authority": name }));
    const writes = setInterval(() => busy.write("."), 100);
    const answer = await silent;
    const tookMs = performance.now() - started;
    assert.equal(answer.status, 14);
    assert.match(answer.message, /nothing moved for timeouts\.idle/);
    assert.ok(tookMs >= 599 && tookMs < 2500, `${tookMs} ms`);
    assert.equal(proxy.finished(14, ResponseFlag.streamIdleTimeout, name), 1);
    assert.equal(busyEnded, false);
    clearInterval(writes);
    assert.equal((await busyAnswer).status, 14);
    backend.stop();
    proxy.remove(name);
  });

  it("in number: what is above maxRequests fails at once, and says which limit it was", async () => {
    const name = "requests.test:1";
    const held: RawStream[] = [];
    const backend = await RawBackend.start({ onRequest: (stream) => held.push(stream) });
    const settings = clusterSettings({ circuit: { ...NO_LIMITS, maxRequests: 5 } });
    proxy.apply([backend.port], { name, settings });
    const calls = Array.from({ length: 8 }, () => client.call(Buffer.from("x"), { ":authority": name }));
    await until("five are under way", () => held.length === 5);
    await until("three have failed", () => proxy.finished(14, ResponseFlag.upstreamOverflow, name) === 3);
    for (const { connection, id } of held) connection.answer(id);
    const answers = await Promise.all(calls);
    assert.equal(answers.filter(({ status }) => status === 0).length, 5);
    const refused = answers.filter(({ status }) => status === 14);
    assert.equal(refused.length, 3);
    for (const { message } of refused) assert.match(message, /connectionPool\.http\.maxRequests is reached/);
    assert.equal(proxy.row(name)[ClusterColumn.circuitOverflows + CircuitLimit.maxRequests], 3);
    await until("none is under way", () => proxy.row(name)[ClusterColumn.streamsActive] === 0);
    const next = client.call(Buffer.from("x"), { ":authority": name });
    await until("it has come", () => held.length === 6);
    held[5]!.connection.answer(held[5]!.id);
    assert.equal((await next).status, 0);
    backend.stop();
    proxy.remove(name);
  });

  it("in number: what an endpoint may not have goes to another, then waits", async () => {
    const name = "endpoint.test:1";
    const held: RawStream[] = [];
    const script = { onRequest: (stream: RawStream) => void held.push(stream) };
    const backends = [await RawBackend.start(script), await RawBackend.start(script)];
    const settings = clusterSettings({
      loadBalancing: { policy: "random" },
      circuit: { ...NO_LIMITS, maxRequestsPerEndpoint: 3 },
    });
    proxy.apply(
      backends.map(({ port }) => port),
      { name, settings },
    );
    let done = 0;
    const calls = Array.from({ length: 10 }, async () => {
      const { status } = await client.call(Buffer.from("x"), { ":authority": name });
      assert.equal(status, 0);
      done++;
    });
    await until("six are under way", () => held.length === 6);
    await sleep(50);
    assert.equal(held.length, 6);
    for (const { port } of backends) assert.equal(proxy.endpoints.inFlightOf(proxy.slotOf(port, name)), 3);
    assert.equal(proxy.row(name)[ClusterColumn.streamsQueued], 4);
    for (let served = 0; done < 10; ) {
      await until("more has come", () => held.length > served || done === 10);
      while (served < held.length) {
        const { connection, id } = held[served++]!;
        for (const { port } of backends) assert.ok(proxy.endpoints.inFlightOf(proxy.slotOf(port, name)) <= 3);
        connection.answer(id);
      }
      await sleep(5);
    }
    await Promise.all(calls);
    assert.ok(proxy.row(name)[ClusterColumn.circuitOverflows + CircuitLimit.maxRequestsPerEndpoint]! > 0);
    for (const backend of backends) backend.stop();
    proxy.remove(name);
  });

  it("in number: streams of other workers count, and their end is noticed within a sample", async () => {
    const name = "shared.test:1";
    const backend = await RawBackend.start({ onRequest: ({ connection, id }) => connection.answer(id) });
    const settings = clusterSettings({ circuit: { ...NO_LIMITS, maxRequestsPerEndpoint: 2 } });
    proxy.apply([backend.port], { name, settings });
    await client.call(Buffer.from("x"), { ":authority": name });
    // What another worker has open there, in its row of the shared counters; this process has one row, so it is played here.
    const { inFlight } = proxy.endpoints;
    const slot = proxy.slotOf(backend.port, name);
    inFlight[slot]! += 2;
    const call = client.call(Buffer.from("x"), { ":authority": name });
    await until("it waits", () => proxy.row(name)[ClusterColumn.streamsQueued] === 1);
    inFlight[slot]! -= 2;
    await sleep(30);
    assert.equal(proxy.row(name)[ClusterColumn.streamsQueued], 1);
    proxy.dataPlane.sample();
    assert.equal((await call).status, 0);
    backend.stop();
    proxy.remove(name);
  });

  for (const limit of [1, 10, 100]) {
    it(`in number: a connection is replaced after ${limit} streams, and no request is lost or waits long`, async () => {
      const name = `connection-${limit}.test:1`;
      const perConnection = new Map<unknown, number>();
      let open = 0;
      let mostOpen = 0;
      const backend = await RawBackend.start({
        onConnection: ({ socket }) => {
          mostOpen = Math.max(mostOpen, ++open);
          socket.on("close", () => open--);
          return undefined;
        },
        onRequest: ({ connection, id }) => {
          perConnection.set(connection, (perConnection.get(connection) ?? 0) + 1);
          connection.answer(id);
        },
      });
      const settings = clusterSettings({ circuit: { ...NO_LIMITS, maxRequestsPerConnection: limit } });
      proxy.apply([backend.port], { name, settings, maxConnectionsPerEndpoint: 11 });
      const requests = 500;
      for (let i = 0; i < requests; i += 5) {
        const calls = [1, 2, 3, 4, 5].map(() => client.call(Buffer.from("x"), { ":authority": name }));
        for (const { status } of await Promise.all(calls)) assert.equal(status, 0);
      }
      const counts = [...perConnection.values()];
      assert.equal(
        counts.reduce((sum, each) => sum + each),
        requests,
      );
      assert.ok(Math.max(...counts) <= limit, `${Math.max(...counts)} on one connection`);
      const least = Math.floor(requests / limit);
      assert.ok(counts.length >= least && counts.length <= Math.ceil(requests / (limit * 0.9)) + 1);
      assert.ok(mostOpen <= 12, `${mostOpen} connections at once`);
      assert.equal(proxy.row(name)[ClusterColumn.attempts], requests);
      const replaced = proxy.row(name)[ClusterColumn.connectionsReplaced]!;
      assert.ok(Math.abs(replaced - counts.length) <= 1, `${replaced} replaced of ${counts.length}`);
      backend.stop();
      proxy.remove(name);
    });
  }

  it("in number: connections that were replaced count until their last stream has ended", async () => {
    const name = "handover.test:1";
    const held: RawStream[] = [];
    let open = 0;
    let mostOpen = 0;
    const backend = await RawBackend.start({
      onConnection: ({ socket }) => {
        mostOpen = Math.max(mostOpen, ++open);
        socket.on("close", () => open--);
        return undefined;
      },
      onRequest: (stream) => {
        if (stream.body.toString() === "hold") held.push(stream);
        else stream.connection.answer(stream.id);
      },
    });
    const settings = clusterSettings({ circuit: { ...NO_LIMITS, maxRequestsPerConnection: 10 } });
    proxy.apply([backend.port], { name, settings, maxConnectionsPerEndpoint: 2 });
    const calls: Promise<{ status: number }>[] = [];
    for (let round = 1; round <= 8; round++) {
      // A stream that stays, on whichever connection there is by now.
      calls.push(client.call(Buffer.from("hold"), { ":authority": name }));
      await until("it has come", () => held.length === round);
      for (let i = 0; i < 15; i++)
        assert.equal((await client.call(Buffer.from("x"), { ":authority": name })).status, 0);
    }
    assert.equal(mostOpen, 3, "two, and one for the handover");
    for (const { connection, id } of held) connection.answer(id);
    for (const { status } of await Promise.all(calls)) assert.equal(status, 0);
    await until("what was replaced is gone", () => open <= 2);
    for (let i = 0; i < 40; i++)
      assert.equal((await client.call(Buffer.from("x"), { ":authority": name })).status, 0);
    assert.ok(mostOpen <= 3, `${mostOpen}`);
    backend.stop();
    proxy.remove(name);
  });
});
