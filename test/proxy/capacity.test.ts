import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ClusterColumn } from "../../src/telemetry/cluster-counters.ts";
import { ResponseFlag } from "../../src/telemetry/response-flag.ts";
import { WorkerColumn } from "../../src/telemetry/worker-counters.ts";
import { LocalProxy } from "./fixture/local-proxy.ts";
import type { RawStream, Script } from "./fixture/raw-backend.ts";
import { RawBackend, setting } from "./fixture/raw-backend.ts";
import { RawClient } from "./fixture/raw-client.ts";
import { until } from "./fixture/until.ts";

/** Holds every request until told to answer, and takes so many at once. */
class Holder {
  readonly backend: RawBackend;
  readonly held: RawStream[];
  /** Most streams seen at once on one connection. */
  most = 0;

  private constructor(backend: RawBackend, held: RawStream[]) {
    this.backend = backend;
    this.held = held;
  }

  static async start(limit: number, script: Script = {}): Promise<Holder> {
    const held: RawStream[] = [];
    const backend = await RawBackend.start({
      settings: setting(3, limit),
      onRequest: (stream) => {
        held.push(stream);
        const { connection } = stream;
        holder.most = Math.max(holder.most, held.filter((each) => each.connection === connection).length);
      },
      onReset: (stream) => {
        const at = held.indexOf(stream);
        if (at >= 0) held.splice(at, 1);
      },
      ...script,
    });
    const holder = new Holder(backend, held);
    return holder;
  }

  /** Answers the oldest. @returns its body. */
  answer(): string {
    const stream = this.held.shift()!;
    stream.connection.answer(stream.id);
    return stream.body.toString();
  }
}

describe("capacity by MAX_CONCURRENT_STREAMS", () => {
  let proxy: LocalProxy;
  let client: RawClient;
  const holders: Holder[] = [];
  const NAME = "small:1";
  const call = (body: string, headers = {}) =>
    client.call(Buffer.from(body), { ":authority": NAME, ...headers });
  const hold = async (limit: number, script: Script = {}): Promise<Holder> => {
    const holder = await Holder.start(limit, script);
    holders.push(holder);
    return holder;
  };
  const queued = (): number => proxy.row(NAME)[ClusterColumn.streamsQueued]!;

  before(async () => {
    proxy = await LocalProxy.start();
    client = new RawClient(proxy.port);
  });
  afterEach(async () => {
    for (const { backend } of holders.splice(0)) backend.stop();
    proxy.remove(NAME);
    await proxy.settled();
  });
  after(async () => {
    client.close();
    await proxy.close();
  });

  for (const limit of [1, 10]) {
    it(`${limit} a connection: 4 connections, then the queue, in order`, async () => {
      const holder = await hold(limit);
      proxy.apply([holder.backend.port], { name: NAME });
      const room = 4 * limit;
      const answers = [];
      for (let i = 0; i < room; i++) answers.push(call(String(i)));
      await until("every connection is full", () => holder.held.length === room);
      assert.equal(holder.backend.open, 4);
      for (let i = 0; i < 20; i++) {
        answers.push(call(String(room + i)));
        await until("it waits", () => queued() === i + 1);
      }
      await sleep(20);
      assert.equal(holder.held.length, room);
      const served: number[] = [];
      for (let i = 0; i < room + 20; i++) {
        served.push(Number(holder.answer()));
        const expected = Math.min(room, room + 20 - i - 1);
        await until("the next comes", () => holder.held.length === expected);
      }
      assert.deepEqual(
        served.slice(room),
        Array.from({ length: 20 }, (_, i) => room + i),
      );
      for (const { status } of await Promise.all(answers)) assert.equal(status, 0);
      assert.ok(holder.most <= limit, `${holder.most} at once`);
      assert.equal(holder.backend.open, 4);
    });
  }

  it("another endpoint is used before the queue", async () => {
    const [one, two] = [await hold(1), await hold(10)];
    proxy.apply([one.backend.port, { port: two.backend.port, weight: 1 }], { name: NAME });
    const answers = Array.from({ length: 44 }, (_, i) => call(String(i)));
    await until("both are full", () => one.held.length + two.held.length === 44);
    assert.equal(one.held.length, 4);
    assert.equal(queued(), 0);
    while (one.held.length > 0) one.answer();
    while (two.held.length > 0) two.answer();
    for (const { status } of await Promise.all(answers)) assert.equal(status, 0);
  });

  it("the queue is bounded, and says so", async () => {
    const holder = await hold(1);
    proxy.apply([holder.backend.port], { name: NAME, maxConnectionsPerEndpoint: 1, maxPendingStreams: 3 });
    const overflows = proxy.finished(8, ResponseFlag.upstreamOverflow, NAME);
    const answers = [call("0")];
    await until("it is full", () => holder.held.length === 1);
    for (let i = 1; i <= 3; i++) answers.push(call(String(i)));
    await until("three wait", () => queued() === 3);
    const { status, message } = await call("4");
    assert.equal(status, 8);
    assert.match(message, /queue is full for small:1/);
    assert.equal(proxy.finished(8, ResponseFlag.upstreamOverflow, NAME), overflows + 1);
    for (let i = 0; i < 4; i++) {
      await until("the next comes", () => holder.held.length === 1);
      assert.equal(holder.answer(), String(i));
    }
    for (const answer of await Promise.all(answers)) assert.equal(answer.status, 0);
  });

  it("who cancels or runs out of time in the queue leaves it, the others keep their order", async () => {
    const holder = await hold(1);
    proxy.apply([holder.backend.port], { name: NAME, maxConnectionsPerEndpoint: 1 });
    const first = call("0");
    await until("it is full", () => holder.held.length === 1);
    const gone = client.open({ ":authority": NAME });
    gone.end("gone");
    await until("it waits", () => queued() === 1);
    const second = call("1");
    await until("two wait", () => queued() === 2);
    const late = call("late", { "grpc-timeout": "30m" });
    await until("three wait", () => queued() === 3);
    const third = call("2");
    assert.equal((await late).status, 4);
    gone.close(8);
    await until("two are left", () => queued() === 2);
    for (let i = 0; i < 3; i++) {
      await until("the next comes", () => holder.held.length === 1);
      assert.equal(holder.answer(), String(i));
    }
    for (const answer of await Promise.all([first, second, third])) assert.equal(answer.status, 0);
  });

  it("what stood in line is counted as waited, for whom it waited", async () => {
    const waitedMs = (): number => proxy.worker.row(0)[WorkerColumn.sourceWaitMs]!;
    const holder = await hold(1);
    proxy.apply([holder.backend.port], { name: NAME, maxConnectionsPerEndpoint: 1 });
    const calls = [call("0"), call("1")];
    await until("one is held and one waits", () => holder.held.length === 1 && queued() === 1);
    const before = waitedMs();
    await sleep(50);
    holder.answer();
    await until("the last is held", () => holder.held.length === 1);
    assert.ok(waitedMs() - before >= 45, `${waitedMs() - before} ms`);
    holder.answer();
    await Promise.all(calls);
  });

  it("an endpoint that joins by an update serves the queue", async () => {
    const [one, two] = [await hold(1), await hold(10)];
    proxy.apply([one.backend.port], { name: NAME, maxConnectionsPerEndpoint: 1 });
    const answers = [call("0")];
    await until("it is full", () => one.held.length === 1);
    answers.push(call("1"), call("2"));
    await until("two wait", () => queued() === 2);
    proxy.apply([one.backend.port, two.backend.port], { name: NAME, maxConnectionsPerEndpoint: 1 });
    await until("the new one has them", () => two.held.length === 2);
    one.answer();
    two.answer();
    two.answer();
    for (const answer of await Promise.all(answers)) assert.equal(answer.status, 0);
  });

  it("an update that permits more connections serves the queue", async () => {
    const one = await hold(1);
    proxy.apply([one.backend.port], { name: NAME, maxConnectionsPerEndpoint: 1 });
    const answers = [call("0")];
    await until("it is full", () => one.held.length === 1);
    answers.push(call("1"));
    await until("one waits", () => queued() === 1);
    proxy.apply([one.backend.port], { name: NAME, maxConnectionsPerEndpoint: 2 });
    await until("the second connection has it", () => one.held.length === 2);
    one.answer();
    one.answer();
    for (const answer of await Promise.all(answers)) assert.equal(answer.status, 0);
  });

  it("connections that say goodbye but keep long streams do not use up the endpoint", async () => {
    const one = await hold(10);
    proxy.apply([one.backend.port], { name: NAME });
    const answers = [];
    for (let i = 1; i <= 6; i++) {
      answers.push(call(String(i)));
      await until(`stream ${i} came`, () => one.held.length === i, { limitMs: 1000 });
      const { connection, id } = one.held.at(-1)!;
      connection.goaway(id);
      await sleep(10);
    }
    while (one.held.length > 0) one.answer();
    for (const answer of await Promise.all(answers)) assert.equal(answer.status, 0);
    await until("no connection is left", () => one.backend.open === 0);
  });

  it("who waits for a connection that hangs takes room that opens on another", async () => {
    let connections = 0;
    const one = await hold(1, {
      onConnection: () => (++connections === 1 ? undefined : false),
    });
    proxy.apply([one.backend.port], { name: NAME, maxConnectionsPerEndpoint: 2, connectTimeoutMs: 3000 });
    const answers = [call("0")];
    await until("it is full", () => one.held.length === 1);
    answers.push(call("1"));
    await until("the second connection is under way", () => connections === 2);
    one.answer();
    await until("the first connection serves the second call", () => one.held.length === 1, {
      limitMs: 1000,
    });
    one.answer();
    for (const answer of await Promise.all(answers)) assert.equal(answer.status, 0);
  });
});
