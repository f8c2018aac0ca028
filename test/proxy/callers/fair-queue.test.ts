import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import { ClusterColumn } from "../../../src/telemetry/cluster-counters.ts";
import { ECHO, LocalProxy } from "../fixture/local-proxy.ts";
import type { RawStream } from "../fixture/raw-backend.ts";
import { RawBackend } from "../fixture/raw-backend.ts";
import type { RawAnswer } from "../fixture/raw-client.ts";
import { RawClient } from "../fixture/raw-client.ts";
import { until } from "../fixture/until.ts";
import { callingPod } from "./fixture/calling-pod.ts";

const ANY_IP = { ipv4: "127.18.0.0/16", ipv6: "fd00:77::/64" };
const SERVICE = "127.18.0.1";
const [GREEDY, MODEST] = ["127.0.1.5", "127.0.1.6"];
const NO_LIMITS = { maxRequests: 0, maxRequestsPerConnection: 0 };
const RESOURCE_EXHAUSTED = 8;

describe("two namespaces that wait for the same endpoint", () => {
  let proxy: LocalProxy;
  let backend: RawBackend;
  let greedy: RawClient;
  let modest: RawClient;
  let held: RawStream[];

  /** @param maxPendingStreams how many may wait. */
  async function begin(maxPendingStreams: number): Promise<void> {
    backend = await RawBackend.start({ onRequest: (stream) => void held.push(stream) });
    const settings = clusterSettings({ circuit: { ...NO_LIMITS, maxRequestsPerEndpoint: 1 } });
    proxy.apply([backend.port], { name: ECHO, settings, maxPendingStreams });
  }

  beforeEach(async () => {
    held = [];
    proxy = await LocalProxy.start({ anyIp: ANY_IP });
    proxy.dataPlane.reception.applyServices({ added: [{ number: 1, service: ECHO }], removed: [] });
    proxy.applyCallers([callingPod("u1", "greedy", GREEDY), callingPod("u2", "modest", MODEST)]);
    [greedy, modest] = [GREEDY, MODEST].map((address) => new RawClient(proxy.port, {}, address, SERVICE)) as [
      RawClient,
      RawClient,
    ];
  });
  afterEach(async () => {
    greedy.close();
    modest.close();
    await proxy.settled();
    backend.stop();
    await proxy.close();
  });

  const queued = (): number => proxy.row(ECHO)[ClusterColumn.streamsQueued]!;
  const calls = (client: RawClient, name: string, count: number): Promise<RawAnswer>[] =>
    Array.from({ length: count }, (_, i) => client.call(Buffer.from(`${name}${i}`)));

  /** Answers one after the other. @returns who was served, in order. */
  async function serveAll(count: number): Promise<string[]> {
    const served: string[] = [];
    while (served.length < count) {
      await until("the next comes", () => held.length > 0);
      assert.equal(held.length, 1);
      const { connection, id, body } = held.shift()!;
      served.push(body.toString());
      connection.answer(id);
    }
    return served;
  }

  it("take turns, although one has waited with many before the other came", async () => {
    await begin(1_000);
    const theirs = calls(greedy, "g", 20);
    await until("they wait", () => held.length === 1 && queued() === 19);
    const ours = calls(modest, "m", 5);
    await until("all wait", () => queued() === 24);
    const served = await serveAll(25);
    for (const { status } of await Promise.all([...theirs, ...ours])) assert.equal(status, 0);
    const places = served.flatMap((name, place) => (name.startsWith("m") ? [place] : []));
    assert.ok(places.at(-1)! <= 11, served.join());
    for (const who of ["g", "m"]) {
      const own = served.filter((name) => name.startsWith(who));
      assert.deepEqual(
        own,
        own.toSorted((a, b) => Number(a.slice(1)) - Number(b.slice(1))),
      );
    }
  });

  it("pay for a queue that is full by what each has in it: the one with most gives way", async () => {
    await begin(10);
    const theirs = calls(greedy, "g", 30);
    await until("the queue is full", () => held.length === 1 && queued() === 10);
    const ours = calls(modest, "m", 7);
    const lost = await Promise.all(ours.slice(5));
    for (const { status } of lost) assert.equal(status, RESOURCE_EXHAUSTED);
    assert.equal(queued(), 10);
    const served = await serveAll(11);
    assert.equal(served.filter((name) => name.startsWith("m")).length, 5);
    const statuses = (await Promise.all(theirs)).map(({ status }) => status);
    assert.deepEqual(
      [0, RESOURCE_EXHAUSTED].map((wanted) => statuses.filter((status) => status === wanted).length),
      [6, 24],
    );
    for (const { status } of await Promise.all(ours.slice(0, 5))) assert.equal(status, 0);
  });
});
