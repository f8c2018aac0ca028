import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { CLUSTER_SETTINGS_DEFAULTS } from "../../../src/resource/cluster-settings.ts";
import { ClusterColumn } from "../../../src/telemetry/cluster-counters.ts";
import { ResponseFlag } from "../../../src/telemetry/response-flag.ts";
import { RouteCell } from "../../../src/telemetry/route-counters.ts";
import { GrpcBackend } from "../fixture/grpc-backend.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import { Flag, frame, literal, RawBackend, RESPONSE_HEADERS, Type } from "../fixture/raw-backend.ts";
import { answerOf, RawClient } from "../fixture/raw-client.ts";
import { until } from "../fixture/until.ts";
import { LiveRoutes } from "./live-routes.ts";

const STABLE = "stable.test:1";
const CANARY = "canary.test:1";
const split = (stable: number, canary: number) => ({
  clusters: [
    { name: STABLE, weight: stable },
    { name: CANARY, weight: canary },
  ],
});
const MESSAGE = Buffer.from([0, 0, 0, 0, 1, 42]);

describe("routes", () => {
  let stable: GrpcBackend;
  let canary: GrpcBackend;
  let proxy: LocalProxy;
  let routes: LiveRoutes;
  let client: RawClient;

  before(async () => {
    [stable, canary] = await Promise.all([GrpcBackend.start(), GrpcBackend.start()]);
  });
  after(() => {
    stable.stop();
    canary.stop();
  });
  beforeEach(async () => {
    proxy = await LocalProxy.start();
    proxy.apply([stable.port]);
    proxy.apply([stable.port], { name: STABLE });
    proxy.apply([canary.port], { name: CANARY });
    routes = new LiveRoutes(proxy);
    client = new RawClient(proxy.port);
    stable.calls = 0;
    canary.calls = 0;
  });
  afterEach(async () => {
    client.close();
    await proxy.close();
  });

  const calls = (count: number, headers = {}) =>
    Promise.all(Array.from({ length: count }, () => client.call(MESSAGE, headers)));
  const assertGood = (answers: Awaited<ReturnType<typeof calls>>): void => {
    for (const answer of answers) assert.equal(answer.status, 0, answer.message);
  };

  it("send by method and header, leave the rest to the authority, and are gone with the next configuration", async () => {
    await routes.apply({
      matches: [
        { path: "/test.Echo/Unary", headers: [{ name: "x-user", kind: "exact", value: "beta" }] },
        { path: "/test.Other/*", headers: [] },
      ],
      clusters: [{ name: CANARY, weight: 1 }],
    });
    for (let round = 0; round < 4; round++) {
      assertGood(await calls(1, { "x-user": "beta" }));
      assertGood(await calls(1, { "x-user": "alpha" }));
      assertGood(await calls(1));
    }
    assert.deepEqual([stable.calls, canary.calls], [8, 4]);
    assert.equal(routes.count(RouteCell.requests), 4);
    await routes.apply();
    assertGood(await calls(3, { "x-user": "beta" }));
    assert.deepEqual([stable.calls, canary.calls], [11, 4]);
  });

  it("are for authorities that no cluster is named after, and answer others as before", async () => {
    await routes.apply({ authorities: ["*.svc.test:1"], clusters: [{ name: CANARY, weight: 1 }] });
    assertGood(await calls(2, { ":authority": "any.SVC.test:1" }));
    assert.equal(canary.calls, 2);
    const [answer] = await calls(1, { ":authority": "svc.test:1" });
    assert.equal(answer!.status, 12);
    assert.equal(proxy.unrouted(12, ResponseFlag.noRoute), 1);
  });

  it("shift a canary from 1 to 50 percent and back to 0 under load without a failed call or a dropped stream", async () => {
    let running = true;
    let done = 0;
    const worker = async (): Promise<void> => {
      while (running) {
        assertGood(await calls(1));
        done++;
      }
    };
    await routes.apply(split(99, 1));
    const chat = client.open({ ":path": "/test.Echo/Chat" });
    chat.write(MESSAGE);
    const ended = answerOf(chat);
    const load = Promise.all(Array.from({ length: 24 }, worker));
    const phase = async (weights: ReturnType<typeof split>, count: number): Promise<number> => {
      await routes.apply(weights);
      const canaryBefore = canary.calls;
      const from = done;
      await until(`${count} calls`, () => done - from >= count);
      return (canary.calls - canaryBefore) / (done - from);
    };
    const one = await phase(split(99, 1), 2000);
    const half = await phase(split(50, 50), 2000);
    const none = await phase(split(100, 0), 500);
    running = false;
    await load;
    chat.end(MESSAGE);
    const { status, body } = await ended;
    assert.equal(status, 0);
    assert.deepEqual(body, Buffer.concat([MESSAGE, MESSAGE]));
    assert.ok(one > 0.002 && one < 0.03, `${one}`);
    assert.ok(Math.abs(half - 0.5) < 0.06, `${half}`);
    // Calls of the former weights may still have been on their way.
    assert.ok(none < 0.06, `${none}`);
  });

  it("keep a caller on its side", async () => {
    await routes.apply({ ...split(50, 50), sticky: { kind: "header", name: "x-user" } });
    for (let user = 0; user < 40; user++) {
      const [stableBefore, canaryBefore] = [stable.calls, canary.calls];
      assertGood(await calls(5, { "x-user": `user-${user}` }));
      const moved = [stable.calls - stableBefore, canary.calls - canaryBefore].sort();
      assert.deepEqual(moved, [0, 5]);
    }
    assert.ok(stable.calls > 40 && canary.calls > 40);
  });

  it("follow clusters that go and come back", async () => {
    await routes.apply({ clusters: [{ name: CANARY, weight: 1 }] });
    assertGood(await calls(1));
    proxy.remove(CANARY);
    assert.equal((await calls(1))[0]!.status, 12);
    proxy.apply([canary.port], { name: CANARY });
    assertGood(await calls(1));
    assert.equal(canary.calls, 2);
  });

  it("change headers of requests and answers, and let those of others be", async () => {
    await routes.apply({
      matches: [{ path: "", headers: [{ name: "x-user", kind: "present", value: "" }] }],
      requestHeaders: {
        set: { "x-tenant": "acme", "user-agent": "none" },
        add: { "x-user": "second" },
        remove: ["x-secret", "x-absent"],
      },
      responseHeaders: { set: { "x-served-by": "isobar" }, add: {}, remove: ["date"] },
    });
    const headers = { "x-tenant": "theirs", "x-secret": "1", "x-kept": "2", "user-agent": "test" };
    for (let round = 0; round < 4; round++) {
      const [changed] = await calls(1, { ...headers, "x-user": "first" });
      assert.equal(changed!.status, 0);
      assert.deepEqual(stable.metadata.get("x-tenant"), ["acme"]);
      assert.deepEqual(stable.metadata.get("user-agent"), ["none"]);
      assert.deepEqual(stable.metadata.get("x-user"), ["first, second"]);
      assert.deepEqual(stable.metadata.get("x-secret"), []);
      assert.deepEqual(stable.metadata.get("x-kept"), ["2"]);
      assert.equal(changed!.headers["x-served-by"], "isobar");
      const [plain] = await calls(1, headers);
      assert.deepEqual(stable.metadata.get("x-tenant"), ["theirs"]);
      assert.deepEqual(stable.metadata.get("x-secret"), ["1"]);
      assert.equal(plain!.headers["x-served-by"], undefined);
    }
  });

  it("change headers of the proxy's own answers too, but not where the client takes no more", async () => {
    proxy.apply([], { name: "empty.test:1" });
    await routes.apply({
      clusters: [{ name: "empty.test:1", weight: 1 }],
      responseHeaders: { set: { "x-served-by": "isobar" }, add: { "x-more": "m".repeat(400) }, remove: [] },
    });
    const narrow = new RawClient(proxy.port, { maxHeaderListSize: 1_200 });
    for (const headers of [{}, { "content-type": "text/plain" }]) {
      const answer = await client.call(MESSAGE, headers);
      assert.equal(answer.headers["x-served-by"], "isobar");
      assert.equal(answer.headers["x-more"]?.length, 400);
      const short = await narrow.call(MESSAGE, headers);
      assert.equal(short.headers["x-served-by"], undefined);
      for (const { headers: own, status } of [answer, short])
        assert.ok(status === 14 || Number(own[":status"]) === 503, `${status} ${own[":status"]}`);
    }
    narrow.close();
  });

  it("give requests limits in time and retries of their own", async () => {
    const silent = await RawBackend.start();
    proxy.apply([silent.port], { name: "silent.test:1" });
    await routes.apply({
      clusters: [{ name: "silent.test:1", weight: 1 }],
      policy: { timeouts: { requestMs: 60, idleMs: 0 }, retries: undefined },
    });
    const started = performance.now();
    const [answer] = await calls(1);
    assert.equal(answer!.status, 4);
    assert.ok(performance.now() - started < 2000);
    let tries = 0;
    const flaky = await RawBackend.start({
      onRequest: ({ connection, id }) => {
        tries++;
        if (tries % 3 === 0) return connection.answer(id);
        const trailers = Buffer.concat([RESPONSE_HEADERS, literal("grpc-status", "14")]);
        connection.send(frame(Type.headers, Flag.endHeaders | Flag.endStream, id, trailers));
      },
    });
    proxy.apply([flaky.port], { name: "flaky.test:1" });
    const retries = {
      attempts: 3,
      perTryTimeoutMs: 0,
      retryOn: ["unavailable"] as const,
      backoffBaseMs: 1,
      backoffMaxMs: 2,
    };
    await routes.apply({
      matches: [{ path: "", headers: [{ name: "x-retry", kind: "present", value: "" }] }],
      clusters: [{ name: "flaky.test:1", weight: 1 }],
      policy: { timeouts: undefined, retries },
    });
    assertGood(await calls(1, { "x-retry": "1" }));
    assert.equal(tries, 3);
    assert.equal((await calls(1, { ":authority": "flaky.test:1" }))[0]!.status, 14);
    await proxy.settled();
    silent.stop();
    flaky.stop();
  });
});

describe("routes to endpoints by label", () => {
  const shards = ["1", "2", "3"];
  let backends: GrpcBackend[];
  let proxy: LocalProxy;
  let routes: LiveRoutes;
  let client: RawClient;

  before(async () => {
    backends = await Promise.all(shards.map(() => GrpcBackend.start()));
  });
  after(() => {
    for (const backend of backends) backend.stop();
  });
  const apply = (health: (i: number) => "healthy" | "unhealthy" = () => "healthy") =>
    proxy.apply(
      backends.map(({ port }, i) => ({
        port,
        health: health(i),
        labels: { shard: shards[i]!, version: i === 0 ? "canary" : "stable" },
      })),
      { settings: CLUSTER_SETTINGS_DEFAULTS },
    );
  beforeEach(async () => {
    proxy = await LocalProxy.start();
    apply();
    routes = new LiveRoutes(proxy);
    client = new RawClient(proxy.port);
    for (const backend of backends) backend.calls = 0;
  });
  afterEach(async () => {
    client.close();
    await proxy.close();
  });
  const counts = (): number[] => backends.map(({ calls }) => calls);
  const call = async (headers = {}): Promise<number> => (await client.call(MESSAGE, headers)).status;

  it("keep to the endpoints with a fixed label", async () => {
    await routes.apply({ endpoints: { labels: { version: "canary" }, fromHeaders: {}, fallback: "fail" } });
    for (let i = 0; i < 10; i++) assert.equal(await call(), 0);
    assert.deepEqual(counts(), [10, 0, 0]);
  });

  it("take the label's value from a header, and fail or go anywhere when no endpoint has it", async () => {
    const endpoints = { labels: {}, fromHeaders: { shard: "x-shard" } };
    await routes.apply({ endpoints: { ...endpoints, fallback: "fail" } });
    for (const shard of shards) for (let i = 0; i < 5; i++) assert.equal(await call({ "x-shard": shard }), 0);
    assert.deepEqual(counts(), [5, 5, 5]);
    const answer = await client.call(MESSAGE, { "x-shard": "4" });
    assert.equal(answer.status, 14);
    assert.match(answer.message, /no endpoint has the labels/);
    assert.equal(await call(), 14);
    assert.equal(routes.count(RouteCell.refused), 2);
    assert.equal(proxy.finished(14, ResponseFlag.noHealthyUpstream), 2);
    await routes.apply({ endpoints: { ...endpoints, fallback: "any" } });
    for (let i = 0; i < 6; i++) assert.equal(await call({ "x-shard": `${Math.random()}` }), 0);
    assert.equal(routes.count(RouteCell.fallbacks), 6);
    assert.deepEqual(
      counts().reduce((a, b) => a + b),
      21,
    );
  });

  it("follow endpoints whose labels change, and go elsewhere while those with the label are unfit", async () => {
    const endpoints = { labels: { version: "stable" }, fromHeaders: { shard: "x-shard" } };
    await routes.apply({ endpoints: { ...endpoints, fallback: "any" } });
    assert.equal(await call({ "x-shard": "2" }), 0);
    assert.deepEqual(counts(), [0, 1, 0]);
    apply((i) => (i === 1 ? "unhealthy" : "healthy"));
    for (let i = 0; i < 4; i++) assert.equal(await call({ "x-shard": "2" }), 0);
    assert.equal(counts()[1], 1);
    await routes.apply({ endpoints: { ...endpoints, fallback: "fail" } });
    // Nobody else will do: trying one that is said to be bad beats failing without a try.
    assert.equal(await call({ "x-shard": "2" }), 0);
    assert.equal(counts()[1], 2);
    // Shard 1 is a canary: no endpoint has both labels.
    assert.equal(await call({ "x-shard": "1" }), 14);
  });

  it("let requests for a full set wait without holding up others, and fail them when the cluster goes", async () => {
    const held: (() => void)[] = [];
    const settings = Buffer.from([0, 3, 0, 0, 0, 1]);
    const full = await RawBackend.start({
      settings,
      onRequest: ({ connection, id }) => held.push(() => connection.answer(id)),
    });
    const free = await RawBackend.start({ onRequest: ({ connection, id }) => connection.answer(id) });
    const name = "full.test:1";
    proxy.apply(
      [
        { port: full.port, labels: { shard: "1" } },
        { port: free.port, labels: { shard: "2" } },
      ],
      { name, maxConnectionsPerEndpoint: 1 },
    );
    await routes.apply({
      authorities: [name],
      endpoints: { labels: {}, fromHeaders: { shard: "x-shard" }, fallback: "fail" },
    });
    const waiting = [1, 2, 3].map(() => client.call(MESSAGE, { ":authority": name, "x-shard": "1" }));
    const queued = () => proxy.row(name)[ClusterColumn.streamsQueued];
    await until("two wait", () => held.length === 1 && queued() === 2);
    for (let i = 0; i < 5; i++) assert.equal(await call({ ":authority": name, "x-shard": "2" }), 0);
    held.shift()!();
    await until("one more has come", () => held.length === 1 && queued() === 1);
    proxy.remove(name);
    held.shift()!();
    const statuses = (await Promise.all(waiting)).map(({ status }) => status).sort();
    assert.deepEqual(statuses, [0, 0, 14]);
    await proxy.settled();
    full.stop();
    free.stop();
  });
});
