import assert from "node:assert/strict";
import { after, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CloseReason, GuardCell } from "../../../src/telemetry/guard-cell.ts";
import { ResponseFlag } from "../../../src/telemetry/response-flag.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import { RawBackend } from "../fixture/raw-backend.ts";
import type { RawAnswer } from "../fixture/raw-client.ts";
import { answerOf, RawClient } from "../fixture/raw-client.ts";
import { until } from "../fixture/until.ts";
import { TcpBackend } from "../port/fixture/tcp-backend.ts";
import { TcpPeer } from "../port/fixture/tcp-peer.ts";

const MIB = 2 ** 20;
const RESOURCE_EXHAUSTED = 8;
const BODY = Buffer.alloc(60_000, 7);

describe("memory among callers", () => {
  let backend: RawBackend;
  let proxy: LocalProxy;
  let clients: RawClient[] = [];

  beforeEach(async () => {
    // Requests with a body are taken in and never answered.
    backend = await RawBackend.start({
      onRequest: ({ connection, id, body }) => {
        if (body.length === 0) connection.answer(id);
      },
    });
    proxy = await LocalProxy.start({ slabOctets: 16 * MIB });
    proxy.apply([backend.port]);
    clients = [];
  });
  after(() => backend.stop());

  const clientOf = (address: string): RawClient => {
    const client = new RawClient(proxy.port, {}, address);
    clients.push(client);
    return client;
  };

  /** Opens streams that hold 60,000 octets each. @returns their answers as they come. */
  function hold(client: RawClient, streams: number): RawAnswer[] {
    const answers: RawAnswer[] = [];
    for (let i = 0; i < streams; i++) {
      const stream = client.open();
      stream.write(BODY);
      void answerOf(stream).then((answer) => answers.push(answer));
    }
    return answers;
  }

  async function finish(): Promise<void> {
    for (const client of clients) client.close();
    await proxy.close();
    backend.stop();
  }

  it("is taken from the caller that holds most, though each of its connections holds less than another's", async () => {
    const modest = hold(clientOf("127.0.0.1"), 24);
    await until("modest streams open", () => proxy.dataPlane.streams === 48);
    const greedy: RawAnswer[][] = [];
    for (let i = 0; i < 24; i++) greedy.push(hold(clientOf("127.0.0.2"), 10));
    await until("streams given up", () => proxy.guarded(GuardCell.relievedStreams) > 0);
    await sleep(500);
    assert.equal(modest.length, 0, "the modest caller has the fullest connection and keeps its streams");
    const ended = greedy.flat();
    assert.ok(ended.length > 0);
    assert.ok(ended.every(({ status }) => status === RESOURCE_EXHAUSTED));
    assert.ok(ended.every(({ message }) => /memory budget is used up/.test(message)));
    assert.equal(proxy.guarded(GuardCell.callers), 2);
    assert.equal((await clientOf("127.0.0.3").call()).status, 0);
    await finish();
  });

  it("is taken back from spliced connections when they hold most, the largest first, before small callers pay", async () => {
    const recorder = await TcpBackend.start(({ socket }) => void socket.pause());
    const other = await LocalProxy.start({ slabOctets: 16 * MIB });
    other.apply([backend.port]);
    other.apply([recorder.port], { name: "tcp.test:1", protocol: "tcp" });
    const greedy: TcpPeer[] = [];
    const octets = Buffer.alloc(8 * MIB, 1);
    // All that sockets take, and what the splice keeps of it: 128 KiB each.
    for (let i = 0; i < 96; i++) {
      const peer = await TcpPeer.connect({ port: other.port, host: "127.0.0.1", localAddress: "127.0.0.2" });
      peer.say("CONNECT tcp.test:1 HTTP/1.1\r\n\r\n").say(octets);
      greedy.push(peer);
    }
    await until("much is held", () => other.slabUsedOctets > 11 * MIB, { limitMs: 10_000 });
    assert.equal(other.guarded(GuardCell.closed + CloseReason.overBudget), 0);
    const modest = new RawClient(other.port, {}, "127.0.0.3");
    clients.push(modest);
    const answers: RawAnswer[][] = [];
    for (let i = 0; i < 60; i++) {
      answers.push(hold(modest, 1));
      await sleep(5);
    }
    await until("splices closed", () => greedy.some(({ closed }) => closed), { limitMs: 10_000 });
    await sleep(300);
    assert.ok(other.guarded(GuardCell.closed + CloseReason.overBudget) > 0);
    assert.equal(other.guarded(GuardCell.relievedStreams), 0);
    const refused = answers.flat().length;
    assert.ok(refused < 15, `${refused}: only what came while octets were on their way back is refused`);
    assert.ok(
      greedy.some(({ closed }) => !closed),
      "no more were closed than had to be",
    );
    for (const peer of greedy) peer.close();
    for (const client of clients) client.close();
    recorder.stop();
    await other.close();
    await finish();
  });

  it("that is short stops the reading of who holds most, until it is not, and of nobody else", async () => {
    const greedy = clientOf("127.0.0.2");
    hold(greedy, 16);
    const small = clientOf("127.0.0.3");
    await until("16 streams held", () => proxy.dataPlane.streams === 32);
    proxy.overload.set(1, 80, 100);
    await until("not read", () => proxy.guarded(GuardCell.pausedConnections) === 1);
    let answered = false;
    const call = greedy.call().then((answer) => {
      answered = true;
      return answer;
    });
    for (let i = 0; i < 50; i++) assert.equal((await small.call()).status, 0);
    await sleep(600);
    assert.equal(answered, false);
    proxy.overload.set(0, 50, 100);
    assert.equal((await call).status, 0);
    assert.equal(proxy.guarded(GuardCell.pausedConnections), 0);
    assert.equal(proxy.guarded(GuardCell.readingStops), 1);
    await finish();
  });

  it("that is short stops nobody who goes while not being read from being forgotten", async () => {
    const greedy = clientOf("127.0.0.2");
    hold(greedy, 16);
    await until("16 streams held", () => proxy.dataPlane.streams === 32);
    proxy.overload.set(1, 80, 100);
    await until("not read", () => proxy.guarded(GuardCell.pausedConnections) === 1);
    greedy.close();
    proxy.overload.set(0, 50, 100);
    await until("gone", () => proxy.dataPlane.downstreamConnections === 0);
    await finish();
  });

  it("that is very short refuses new calls, tells when to come back, and lets those in progress go on", async () => {
    const client = clientOf("127.0.0.1");
    const stream = client.open();
    const early = answerOf(stream);
    await until("at the endpoint", () => backend.connections[0]?.streams.size === 1);
    proxy.overload.set(2, 90, 100);
    const refused = await Promise.all(Array.from({ length: 20 }, () => client.call()));
    for (const { status, headers, message } of refused) {
      assert.equal(status, RESOURCE_EXHAUSTED);
      assert.match(message, /short of memory/);
      const pushbackMs = Number(headers["grpc-retry-pushback-ms"]);
      assert.ok(pushbackMs >= 1000 && pushbackMs <= 2000, `${pushbackMs} ms`);
    }
    const pushbacks = new Set(refused.map(({ headers }) => headers["grpc-retry-pushback-ms"]));
    assert.ok(pushbacks.size > 5, "they must not come back together");
    assert.equal(backend.connections[0]!.streams.size, 1);
    stream.end();
    assert.equal((await early).status, 0);
    assert.equal(proxy.finished(RESOURCE_EXHAUSTED, ResponseFlag.overloadManager), 20);
    assert.equal(proxy.guarded(GuardCell.refusedStreams), 20);
    proxy.overload.set(0, 50, 100);
    assert.equal((await client.call()).status, 0);
    await finish();
  });
});
