import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import type { ClusterSettings } from "../../../src/resource/cluster-settings.ts";
import { ClusterColumn } from "../../../src/telemetry/cluster-counters.ts";
import { PolicyReason } from "../../../src/telemetry/policy-reason.ts";
import { ResponseFlag } from "../../../src/telemetry/response-flag.ts";
import { RetryResult } from "../../../src/telemetry/retry-result.ts";
import { freePorts } from "../../support/free-ports.ts";
import { LocalProxy } from "../fixture/local-proxy.ts";
import type { RawStream, Script } from "../fixture/raw-backend.ts";
import { RawBackend } from "../fixture/raw-backend.ts";
import type { RawAnswer } from "../fixture/raw-client.ts";
import { answerOf, RawClient } from "../fixture/raw-client.ts";
import { until } from "../fixture/until.ts";
import { playInOwnCluster } from "./own-cluster.ts";
import { retrying } from "./retry-settings.ts";
import { lateFailure, trailersOnly } from "./scripted-answer.ts";

/** Statuses that the default policy of these tests tries again. */
const UNAVAILABLE = 14;

describe("retries", () => {
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
    scripts: readonly Script[],
    act: (name: string) => Promise<void>,
  ): Promise<void> => playInOwnCluster(proxy, settings, scripts, act);

  /** An endpoint that does this to its first stream, or to so many, and answers the others; it counts them. */
  function failing(act: (stream: RawStream) => void, times = 1): { script: Script; seen: RawStream[] } {
    const seen: RawStream[] = [];
    const onRequest = (stream: RawStream): void => {
      if (seen.push(stream) <= times) act(stream);
      else stream.connection.answer(stream.id, stream.body);
    };
    return { seen, script: { onRequest } };
  }

  function result(name: string, which: number): number {
    return proxy.row(name)[ClusterColumn.retryResults + which]!;
  }

  for (let status = 1; status <= 17; status++) {
    const retried = status === UNAVAILABLE;
    it(`${retried ? "send again" : "pass on"} trailers alone with status ${status}`, async () => {
      const { script, seen } = failing((stream) => trailersOnly(stream, status));
      await play(retrying(), [script], async (name) => {
        const answer = await client.call(Buffer.from("hello"), { ":authority": name });
        assert.equal(answer.status, retried ? 0 : status);
        assert.equal(seen.length, retried ? 2 : 1);
        assert.equal(answer.body.toString(), retried ? "hello" : "");
        assert.equal(result(name, RetryResult.succeeded), retried ? 1 : 0);
        const row = proxy.row(name);
        assert.equal(row[ClusterColumn.policyRetries + PolicyReason.unavailable], retried ? 1 : 0);
        assert.equal(row[ClusterColumn.attempts], seen.length);
      });
    });
  }

  it("do not take back headers: a failure in the trailers behind them is passed on", async () => {
    const { script, seen } = failing((stream) => lateFailure(stream, UNAVAILABLE));
    await play(retrying({ retryOn: ["unavailable", "reset", "internal"] }), [script], async (name) => {
      const { status } = await client.call(Buffer.from("x"), { ":authority": name });
      assert.equal(status, UNAVAILABLE);
      assert.equal(seen.length, 1);
    });
  });

  for (const [what, act] of [
    ["a lost connection", ({ connection }: RawStream) => connection.socket.destroy()],
    ["RST_STREAM", ({ connection, id }: RawStream) => connection.reset(id, 2)],
  ] as const) {
    it(`send again after ${what}, if the policy says reset`, async () => {
      const { script, seen } = failing(act);
      await play(retrying({ retryOn: ["reset"] }), [script], async (name) => {
        const { status } = await client.call(Buffer.from("x"), { ":authority": name });
        assert.equal(status, 0);
        assert.equal(seen.length, 2);
      });
    });

    it(`do not after ${what}, if it says something else`, async () => {
      const { script, seen } = failing(act);
      await play(retrying({ retryOn: ["resource-exhausted"] }), [script], async (name) => {
        const { status } = await client.call(Buffer.from("x"), { ":authority": name });
        assert.notEqual(status, 0);
        assert.equal(seen.length, 1);
      });
    });
  }

  it("try every other endpoint before one that was tried, and end with what the last one said", async () => {
    const tried: number[] = [];
    const scripts = Array.from(
      { length: 4 },
      (_, i): Script => ({
        onRequest: (stream) => {
          tried.push(i);
          trailersOnly(stream, UNAVAILABLE, { "grpc-message": `from ${i}` });
        },
      }),
    );
    await play(retrying({ attempts: 4 }), scripts, async (name) => {
      const answer = await client.call(Buffer.from("x"), { ":authority": name });
      assert.equal(answer.status, UNAVAILABLE);
      assert.equal(answer.message, `from ${tried.at(-1)}`);
      assert.equal(tried.length, 4);
      assert.equal(new Set(tried).size, 4);
      assert.equal(result(name, RetryResult.exhausted), 1);
      assert.equal(result(name, RetryResult.failed), 1);
      assert.equal(proxy.finished(UNAVAILABLE, ResponseFlag.none, name), 1);
    });
  });

  for (const octets of [0, 100, 65_536]) {
    it(`send the body again, whole: ${octets} octets`, async () => {
      const { script, seen } = failing((stream) => trailersOnly(stream, UNAVAILABLE));
      await play(retrying(), [script], async (name) => {
        const body = randomBytes(octets);
        const answer = await client.call(body, { ":authority": name });
        assert.equal(answer.status, 0);
        assert.ok(seen[1]!.body.equals(body));
        assert.ok(answer.body.equals(body));
      });
    });
  }

  it("leave alone what is too large to be held", async () => {
    const { script, seen } = failing((stream) => trailersOnly(stream, UNAVAILABLE));
    await play(retrying(), [script], async (name) => {
      const { status } = await client.call(randomBytes(65_537), { ":authority": name });
      assert.equal(status, UNAVAILABLE);
      assert.equal(seen.length, 1);
      assert.equal(result(name, RetryResult.notHeld), 1);
    });
  });

  it("repeat a streaming call from its start, and go on with what comes later", async () => {
    const bodies: Buffer[] = [];
    let first = true;
    const script: Script = {
      onData: (stream) => {
        if (!first) return;
        first = false;
        trailersOnly(stream, UNAVAILABLE);
      },
      onRequest: ({ connection, id, body }) => {
        bodies.push(body);
        connection.answer(id);
      },
    };
    await play(retrying(), [script], async (name) => {
      const stream = client.open({ ":authority": name });
      const answer = answerOf(stream);
      stream.write("one ");
      await until("the retry is sent", () => proxy.row(name)[ClusterColumn.attempts] === 2);
      stream.write("two ");
      stream.end("three");
      assert.equal((await answer).status, 0);
      assert.deepEqual(bodies.map(String), ["one two three"]);
    });
  });

  it("go on after three moves where the policy says connect-failure", async () => {
    const ports = await freePorts(5);
    const good = await RawBackend.start({ onRequest: ({ connection, id }) => connection.answer(id) });
    const settings = retrying({ attempts: 4 });
    const endpoints = [...ports.map((port) => ({ port })), { port: good.port }];
    proxy.apply(endpoints, { name: "dead.test:1", settings });
    // Round robin comes by the good one last; what is set aside is not picked, so every call makes some way.
    const answers: RawAnswer[] = [];
    for (let i = 0; i < 3; i++)
      answers.push(await client.call(Buffer.from("x"), { ":authority": "dead.test:1" }));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [0, 0, 0],
    );
    good.stop();
    proxy.remove("dead.test:1");
  });

  it("wait as long as the endpoint asks for", async () => {
    const { script, seen } = failing((stream) =>
      trailersOnly(stream, UNAVAILABLE, { "grpc-retry-pushback-ms": "150" }),
    );
    await play(retrying(), [script], async (name) => {
      const started = performance.now();
      const { status } = await client.call(Buffer.from("x"), { ":authority": name });
      const tookMs = performance.now() - started;
      assert.equal(status, 0);
      assert.equal(seen.length, 2);
      assert.ok(tookMs >= 149 && tookMs < 1000, `${tookMs} ms`);
    });
  });

  for (const pushback of ["-1", "soon", "", "10001", "99999999999"]) {
    it(`leave it to the client when the endpoint says ${JSON.stringify(pushback)}`, async () => {
      const { script, seen } = failing((stream) =>
        trailersOnly(stream, UNAVAILABLE, { "grpc-retry-pushback-ms": pushback }),
      );
      await play(retrying(), [script], async (name) => {
        const answer = await client.call(Buffer.from("x"), { ":authority": name });
        assert.equal(answer.status, UNAVAILABLE);
        assert.equal(answer.headers["grpc-retry-pushback-ms"], pushback);
        assert.equal(seen.length, 1);
        assert.equal(result(name, RetryResult.pushback), 1);
      });
    });
  }

  it("are not begun when the deadline comes before", async () => {
    const { script, seen } = failing((stream) =>
      trailersOnly(stream, UNAVAILABLE, { "grpc-retry-pushback-ms": "5000" }),
    );
    await play(retrying(), [script], async (name) => {
      const answer = await client.call(Buffer.from("x"), { ":authority": name, "grpc-timeout": "2S" });
      assert.equal(answer.status, UNAVAILABLE);
      assert.equal(seen.length, 1);
      assert.equal(result(name, RetryResult.noTime), 1);
    });
  });

  it("end with the deadline while they wait, and leave nothing behind", async () => {
    const { script } = failing((stream) =>
      trailersOnly(stream, UNAVAILABLE, { "grpc-retry-pushback-ms": "140" }),
    );
    const slow: Script = { onRequest: () => {} };
    await play(retrying(), [script, slow], async (name) => {
      const answers = [1, 2].map(() =>
        client.call(Buffer.from("x"), { ":authority": name, "grpc-timeout": "200m" }),
      );
      for (const { status } of await Promise.all(answers)) assert.equal(status, 4);
      await proxy.settled();
    });
  });

  it("are given up when the client cancels while they wait", async () => {
    const { script, seen } = failing((stream) =>
      trailersOnly(stream, UNAVAILABLE, { "grpc-retry-pushback-ms": "200" }),
    );
    await play(retrying(), [script], async (name) => {
      const stream = client.open({ ":authority": name }, true);
      await until(
        "the first attempt has failed",
        () => proxy.row(name)[ClusterColumn.policyRetries + 5] === 1,
      );
      stream.close(8);
      await proxy.settled();
      assert.equal(seen.length, 1);
    });
  });

  it("are told that there is no endpoint when the service is removed while they wait", async () => {
    const { script, seen } = failing((stream) =>
      trailersOnly(stream, UNAVAILABLE, { "grpc-retry-pushback-ms": "150" }),
    );
    const backend = await RawBackend.start(script);
    const name = "removed.test:1";
    proxy.apply([backend.port], { name, settings: retrying() });
    const call = client.call(Buffer.from("x"), { ":authority": name });
    await until("the first attempt has failed", () => proxy.row(name)[ClusterColumn.policyRetries + 5] === 1);
    proxy.remove(name);
    const answer = await call;
    assert.equal(answer.status, UNAVAILABLE);
    assert.match(answer.message, /no endpoint of removed\.test:1/);
    assert.equal(seen.length, 1);
    backend.stop();
  });

  it("go on by the policy they began with when it is changed while they wait, to the endpoints of now", async () => {
    const { script, seen } = failing((stream) =>
      trailersOnly(stream, UNAVAILABLE, { "grpc-retry-pushback-ms": "100" }),
    );
    const [first, second] = await Promise.all([RawBackend.start(script), RawBackend.start(script)]);
    const name = "changed.test:1";
    proxy.apply([first.port], { name, settings: retrying() });
    const call = client.call(Buffer.from("x"), { ":authority": name });
    await until("the first attempt has failed", () => proxy.row(name)[ClusterColumn.policyRetries + 5] === 1);
    proxy.apply([second.port], { name });
    assert.equal((await call).status, 0);
    assert.equal(seen.length, 2);
    assert.equal(second.connections.length, 1);
    first.stop();
    second.stop();
    proxy.remove(name);
  });

  it("keep to the budget when everything fails: requests × 1.2 and ten seconds' floor", async () => {
    let attempts = 0;
    const script: Script = {
      onRequest: (stream) => {
        attempts++;
        trailersOnly(stream, UNAVAILABLE);
      },
    };
    const budget = { retryBudget: { share: 0.2, minPerSecond: 5 } };
    await play(retrying({ attempts: 5 }, budget), [script, script], async (name) => {
      const started = performance.now();
      const requests = 1000;
      for (let i = 0; i < requests; i += 50) {
        await Promise.all(
          Array.from({ length: 50 }, () => client.call(Buffer.alloc(0), { ":authority": name })),
        );
      }
      const seconds = (performance.now() - started) / 1000;
      const most = requests * 1.2 + 50 + Math.ceil(5 * seconds);
      assert.ok(attempts <= most, `${attempts} attempts, at most ${most}`);
      assert.ok(attempts > requests * 1.15, `${attempts} attempts`);
      assert.ok(result(name, RetryResult.overBudget) > 0);
    });
  });

  it("give up an attempt whose answer does not begin in time, and try another endpoint", async () => {
    const resets: number[] = [];
    const hole: Script = { onReset: (_stream, code) => resets.push(code) };
    const good: Script = { onRequest: ({ connection, id }) => connection.answer(id) };
    await play(retrying({ perTryTimeoutMs: 60 }), [hole, good], async (name) => {
      const statuses = [];
      for (let i = 0; i < 4; i++)
        statuses.push((await client.call(Buffer.from("x"), { ":authority": name })).status);
      assert.deepEqual(statuses, [0, 0, 0, 0]);
      assert.ok(proxy.row(name)[ClusterColumn.perTryTimeouts]! >= 1);
      await until("the hole sees the reset", () => resets.length >= 1);
      assert.equal(resets[0], 8);
    });
  });

  it("say so when no attempt began its answer in time", async () => {
    await play(retrying({ attempts: 2, perTryTimeoutMs: 40 }), [{}], async (name) => {
      const answer = await client.call(Buffer.from("x"), { ":authority": name });
      assert.equal(answer.status, UNAVAILABLE);
      assert.match(answer.message, /no answer began within retries\.perTryTimeout/);
      assert.equal(proxy.row(name)[ClusterColumn.attempts], 2);
      assert.equal(proxy.finished(UNAVAILABLE, ResponseFlag.upstreamRequestTimeout, name), 1);
    });
  });

  it("do not hold the time against a client that is still sending", async () => {
    const script: Script = { onRequest: ({ connection, id }) => connection.answer(id) };
    await play(retrying({ perTryTimeoutMs: 40 }), [script], async (name) => {
      const stream = client.open({ ":authority": name });
      const answer = answerOf(stream);
      stream.write("slowly ");
      await new Promise((resolve) => setTimeout(resolve, 120));
      stream.end("sent");
      assert.equal((await answer).status, 0);
      assert.equal(proxy.row(name)[ClusterColumn.attempts], 1);
    });
  });

  it("count every attempt in the access log", async () => {
    const { script } = failing((stream) => trailersOnly(stream, UNAVAILABLE), 2);
    await play(retrying(), [script], async (name) => {
      const { accessLog } = proxy.dataPlane;
      accessLog.enabled = true;
      await client.call(Buffer.from("x"), { ":authority": name });
      await until("a line", () => proxy.row(name)[ClusterColumn.streamsActive] === 0);
      accessLog.enabled = false;
      const line = JSON.parse(Buffer.from(accessLog.take()!.octets).toString()) as { attempts: number };
      assert.equal(line.attempts, 3);
    });
  });
});
