import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SeededRandom } from "../../../src/base/random.ts";
import type { ClusterSettings } from "../../../src/resource/cluster-settings.ts";
import { ClusterColumn } from "../../../src/telemetry/cluster-counters.ts";
import { PolicyReason } from "../../../src/telemetry/policy-reason.ts";
import { RetryResult } from "../../../src/telemetry/retry-result.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import type { RawStream, Script } from "../fixture/raw-backend.ts";
import { RawBackend } from "../fixture/raw-backend.ts";
import { RawClient } from "../fixture/raw-client.ts";
import { until } from "../fixture/until.ts";
import { playInOwnCluster } from "./own-cluster.ts";
import { hedging, retriesOf } from "./retry-settings.ts";
import { trailersOnly } from "./scripted-answer.ts";

const DELAY_MS = 30;

/** An endpoint whose streams the test answers when it wants to. */
class Endpoint {
  readonly streams: RawStream[] = [];
  readonly resets: number[] = [];
  readonly script: Script;

  constructor(act: (stream: RawStream) => void = () => {}, others: Script = {}) {
    this.script = {
      ...others,
      onRequest: (stream) => {
        this.streams.push(stream);
        act(stream);
      },
      onReset: (_stream, code) => this.resets.push(code),
    };
  }
}

function answers(name: string): (stream: RawStream) => void {
  return ({ connection, id }) => connection.answer(id, Buffer.from(name));
}

describe("hedging", () => {
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

  const play = (
    settings: ClusterSettings,
    endpoints: readonly Endpoint[],
    act: (name: string) => Promise<void>,
  ): Promise<void> =>
    playInOwnCluster(
      proxy,
      settings,
      endpoints.map(({ script }) => script),
      act,
    );

  function hedges(name: string): number {
    return proxy.row(name)[ClusterColumn.policyRetries + PolicyReason.hedge]!;
  }

  function won(name: string): number {
    return proxy.row(name)[ClusterColumn.retryResults + RetryResult.hedgeWon]!;
  }

  it("asks a second endpoint after the delay, passes on its answer and resets the first", async () => {
    const endpoints = [new Endpoint(), new Endpoint()];
    const order: Endpoint[] = [];
    for (const endpoint of endpoints) {
      const { onRequest } = endpoint.script;
      Object.assign(endpoint.script, {
        onRequest: (stream: RawStream) => {
          onRequest!(stream);
          if (order.push(endpoint) === 2) answers("second")(stream);
        },
      });
    }
    await play(hedging(), endpoints, async (name) => {
      const body = randomBytes(60_000);
      const started = performance.now();
      const answer = await client.call(body, { ":authority": name });
      const tookMs = performance.now() - started;
      assert.equal(answer.status, 0);
      assert.equal(answer.body.toString(), "second");
      assert.ok(tookMs >= DELAY_MS - 1 && tookMs < 500, `${tookMs} ms`);
      assert.equal(hedges(name), 1);
      assert.equal(won(name), 1);
      assert.equal(proxy.row(name)[ClusterColumn.attempts], 2);
      await until("the first sees the reset", () => order[0]!.resets.length === 1);
      assert.deepEqual(order[0]!.resets, [8]);
      assert.ok(order[0]!.streams[0]!.body.equals(body));
      assert.ok(order[1]!.streams[0]!.body.equals(body));
    });
  });

  it("sends nothing twice when the answer comes before the delay", async () => {
    const endpoints = [new Endpoint(answers("a")), new Endpoint(answers("b"))];
    await play(hedging(), endpoints, async (name) => {
      for (let i = 0; i < 10; i++) await client.call(Buffer.from("x"), { ":authority": name });
      await sleep(2 * DELAY_MS);
      assert.equal(proxy.row(name)[ClusterColumn.attempts], 10);
      assert.equal(hedges(name), 0);
    });
  });

  it("leaves methods alone that are not named", async () => {
    const slow = (stream: RawStream): void => void setTimeout(() => answers("slow")(stream), 3 * DELAY_MS);
    const endpoints = [new Endpoint(slow), new Endpoint(slow)];
    await play(hedging({ methods: ["/test.Echo/Other", "/test.Ech/*"] }), endpoints, async (name) => {
      await client.call(Buffer.from("x"), { ":authority": name });
      assert.equal(proxy.row(name)[ClusterColumn.attempts], 1);
    });
  });

  it("passes on the first answer though a hedge was sent, and resets the hedge", async () => {
    const order: RawStream[] = [];
    const act = (stream: RawStream): void => {
      if (order.push(stream) === 2) answers("first")(order[0]!);
    };
    const endpoints = [new Endpoint(act), new Endpoint(act)];
    await play(hedging(), endpoints, async (name) => {
      const answer = await client.call(Buffer.from("x"), { ":authority": name });
      assert.equal(answer.body.toString(), "first");
      assert.equal(won(name), 0);
      assert.equal(hedges(name), 1);
      await until("one reset", () => endpoints[0]!.resets.length + endpoints[1]!.resets.length === 1);
    });
  });

  it("asks the next one at once when an attempt of several fails", async () => {
    const order: RawStream[] = [];
    const act = (stream: RawStream): void => {
      const at = order.push(stream);
      if (at === 2) trailersOnly(stream, 14);
      if (at === 3) answers("third")(stream);
    };
    const endpoints = [new Endpoint(act), new Endpoint(act), new Endpoint(act)];
    await play(hedging({ attempts: 3, delayMs: 200 }), endpoints, async (name) => {
      const started = performance.now();
      const answer = await client.call(Buffer.from("x"), { ":authority": name });
      const tookMs = performance.now() - started;
      assert.equal(answer.body.toString(), "third");
      assert.ok(tookMs < 390, `${tookMs} ms: the third did not wait for its delay`);
      assert.equal(new Set(order.map(({ connection }) => connection.socket.localPort)).size, 3);
    });
  });

  it("passes a failure on that no other attempt would mend", async () => {
    const order: RawStream[] = [];
    const act = (stream: RawStream): void => {
      if (order.push(stream) === 2) trailersOnly(stream, 3, { "grpc-message": "no" });
    };
    const endpoints = [new Endpoint(act), new Endpoint(act)];
    await play(hedging(), endpoints, async (name) => {
      const answer = await client.call(Buffer.from("x"), { ":authority": name });
      assert.equal(answer.status, 3);
      assert.equal(answer.message, "no");
    });
  });

  it("tells the last failure when all attempts fail", async () => {
    const act = (stream: RawStream): void => trailersOnly(stream, 14);
    const endpoints = [new Endpoint(act), new Endpoint(act), new Endpoint(act)];
    await play(hedging({ attempts: 3 }), endpoints, async (name) => {
      const answer = await client.call(Buffer.from("x"), { ":authority": name });
      assert.equal(answer.status, 14);
      assert.equal(proxy.row(name)[ClusterColumn.attempts], 3);
    });
  });

  it("stops when an endpoint pushes back", async () => {
    const order: RawStream[] = [];
    const act = (stream: RawStream): void => {
      const at = order.push(stream);
      if (at === 2) trailersOnly(stream, 14, { "grpc-retry-pushback-ms": "-1" });
      if (at === 2) setTimeout(() => answers("first")(order[0]!), 3 * DELAY_MS);
    };
    const endpoints = [new Endpoint(act), new Endpoint(act), new Endpoint(act)];
    await play(hedging({ attempts: 3 }), endpoints, async (name) => {
      const answer = await client.call(Buffer.from("x"), { ":authority": name });
      assert.equal(answer.body.toString(), "first");
      assert.equal(order.length, 2);
    });
  });

  it("does not ask the same endpoint twice", async () => {
    const slow = (stream: RawStream): void => void setTimeout(() => answers("slow")(stream), 3 * DELAY_MS);
    await play(hedging({ attempts: 3 }), [new Endpoint(slow)], async (name) => {
      const answer = await client.call(Buffer.from("x"), { ":authority": name });
      assert.equal(answer.body.toString(), "slow");
      assert.equal(proxy.row(name)[ClusterColumn.attempts], 1);
      assert.equal(hedges(name), 0);
    });
  });

  it("keeps to the budget", async () => {
    const slow = (stream: RawStream): void => void setTimeout(() => answers("slow")(stream), 4 * DELAY_MS);
    const endpoints = [new Endpoint(slow), new Endpoint(slow)];
    const settings = hedging({}, { retryBudget: { share: 0.1, minPerSecond: 1 } });
    await play(settings, endpoints, async (name) => {
      const requests = 200;
      const calls = Array.from({ length: requests }, () =>
        client.call(Buffer.from("x"), { ":authority": name }),
      );
      for (const { status } of await Promise.all(calls)) assert.equal(status, 0);
      assert.ok(hedges(name) <= requests * 0.1 + 10 + 2, `${hedges(name)} hedges`);
      assert.ok(hedges(name) >= requests * 0.1, `${hedges(name)} hedges`);
    });
  });

  for (const loses of ["the first attempt", "the hedge"] as const) {
    it(`goes on when the connection of ${loses} breaks`, async () => {
      const order: RawStream[] = [];
      const act = (stream: RawStream): void => {
        if (order.push(stream) !== 2) return;
        const [lost, left] = loses === "the hedge" ? [order[1]!, order[0]!] : [order[0]!, order[1]!];
        lost.connection.socket.destroy();
        setTimeout(() => answers("left")(left), 20);
      };
      const endpoints = [new Endpoint(act), new Endpoint(act)];
      await play(hedging(), endpoints, async (name) => {
        const answer = await client.call(Buffer.from("x"), { ":authority": name });
        assert.equal(answer.status, 0);
        assert.equal(answer.body.toString(), "left");
      });
    });
  }

  it("lets a hedge wait for its connection, and forgets it when the answer comes before", async () => {
    const slow = (stream: RawStream): void => void setTimeout(() => answers("first")(stream), 3 * DELAY_MS);
    const neverReady: Script = { onConnection: () => false };
    const endpoints = [new Endpoint(slow), new Endpoint(() => {}, neverReady)];
    await play(hedging(), endpoints, async (name) => {
      // The endpoint without SETTINGS is picked first by one of two calls: that one moves when connecting fails.
      const calls = [1, 2].map(() => client.call(Buffer.from("x"), { ":authority": name }));
      for (const { body } of await Promise.all(calls)) assert.equal(body.toString(), "first");
    });
  });

  it("makes the hedge that waits for its connection the only attempt when the first is lost", async () => {
    const first = new Endpoint((stream) => {
      setTimeout(() => stream.connection.socket.destroy(), 2 * DELAY_MS);
    });
    const late: Script = {
      onConnection: (connection) => {
        setTimeout(() => connection.start(), 5 * DELAY_MS);
        return false;
      },
    };
    const second = new Endpoint(answers("second"), late);
    const name = "promote.test:1";
    const backends = [await RawBackend.start(first.script), await RawBackend.start(second.script)];
    // The weight makes the first endpoint the one that is picked first.
    proxy.apply([{ port: backends[0]!.port, weight: 60_000 }, backends[1]!.port], {
      name,
      settings: { ...hedging(), loadBalancing: { ...hedging().loadBalancing, policy: "random" } },
    });
    const answer = await client.call(Buffer.from("x"), { ":authority": name });
    assert.equal(answer.status, 0);
    assert.equal(answer.body.toString(), "second");
    await proxy.settled();
    for (const backend of backends) backend.stop();
    proxy.remove(name);
  });

  it("cancels every attempt when the client cancels", async () => {
    const endpoints = [new Endpoint(), new Endpoint()];
    await play(hedging(), endpoints, async (name) => {
      const stream = client.open({ ":authority": name }, true);
      await until("both have the request", () => endpoints.every(({ streams }) => streams.length === 1));
      stream.close(8);
      await until("both see the cancel", () => endpoints.every(({ resets }) => resets.length === 1));
    });
  });

  it("ends every attempt at the deadline", async () => {
    const endpoints = [new Endpoint(), new Endpoint()];
    await play(hedging(), endpoints, async (name) => {
      const headers = { ":authority": name, "grpc-timeout": "100m" };
      assert.equal((await client.call(Buffer.from("x"), headers)).status, 4);
      await until("both see the cancel", () => endpoints.every(({ resets }) => resets.length === 1));
    });
  });

  it("gives every client exactly one whole answer, whatever the endpoints do", async () => {
    const random = new SeededRandom(7);
    const act = (stream: RawStream): void => {
      const { connection, id } = stream;
      const afterMs = random.nextInt(40);
      setTimeout(() => {
        const draw = random.nextInt(10);
        if (draw === 0) connection.reset(id, 2);
        else if (draw === 1) trailersOnly(stream, 14);
        else if (draw === 2) connection.reset(id, 7);
        else if (draw > 3) connection.answer(id, stream.body);
        // Else it never answers.
      }, afterMs);
    };
    const endpoints = [new Endpoint(act), new Endpoint(act), new Endpoint(act)];
    const settings = hedging(
      { attempts: 3, delayMs: 10 },
      {
        retryBudget: { share: 1, minPerSecond: 1000 },
        retries: retriesOf({ perTryTimeoutMs: 200, retryOn: ["reset", "unavailable", "internal"] }),
      },
    );
    await play(settings, endpoints, async (name) => {
      let good = 0;
      const calls = Array.from({ length: 300 }, async (_, i) => {
        await sleep(4 * i);
        const body = randomBytes(random.nextInt(3000));
        const answer = await client.call(body, { ":authority": name });
        if (answer.status !== 0) return;
        good++;
        assert.ok(answer.body.equals(body));
      });
      await Promise.all(calls);
      assert.ok(good > 240, `${good} of 300`);
      assert.ok(won(name) > 0);
    });
  });
});
