import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { echoDefinition } from "../../proxy/fixture/echo-definition.ts";
import { GrpcBackend } from "../../proxy/fixture/grpc-backend.ts";
import { GrpcClient } from "../../proxy/fixture/grpc-client.ts";
import { ECHO } from "../../proxy/fixture/local-proxy.ts";
import { ProxyProcess } from "../../proxy/fixture/proxy-process.ts";
import { until } from "../../proxy/fixture/until.ts";
import { ProxyProcess as BreakableProcess } from "../proxy-process.ts";
import type { Break } from "./breaker.ts";

const BREAKABLE = { module: "./threads/breakable-proxy.ts", nodeOptions: ["--max-old-space-size=96"] };

describe("a process with several data-plane threads", () => {
  let backends: GrpcBackend[];
  const ports = (): number[] => backends.map(({ port }) => port);
  before(async () => {
    backends = await Promise.all([GrpcBackend.start(), GrpcBackend.start()]);
  });
  after(() => {
    for (const backend of backends) backend.stop();
  });

  it("sums up what its threads count, and takes changes of the configuration on all of them", async () => {
    const proxy = await ProxyProcess.start([ports()[0]!], { concurrency: 2 });
    const clients = Array.from({ length: 4 }, () => new GrpcClient(proxy.port));
    for (const client of clients) for (let i = 0; i < 5; i++) assert.equal((await client.unary("x")).code, 0);
    const stats = await proxy.stats();
    assert.equal(stats[`cluster.${ECHO}.requests`], 20);
    assert.equal(stats[`cluster.${ECHO}.requests_not_ok`], 0);
    assert.equal(stats["downstream_connections.h2c"], 4);
    assert.equal(stats[`cluster.${ECHO}.upstream_connections`], 2);
    const [endpoint] = await proxy.endpoints();
    assert.deepEqual([endpoint!.requests, endpoint!.inFlight], [20, 0]);

    await proxy.rewrite([ports()[1]!]);
    const { calls } = backends[1]!;
    // Connections of each thread: both have the new endpoint, and no call fails on the way there.
    while (backends[1]!.calls < calls + clients.length) {
      const answers = await Promise.all(clients.map((client) => client.unary("x")));
      assert.deepEqual(new Set(answers.map(({ code }) => code)), new Set([0]));
    }
    const { calls: callsBefore } = backends[0]!;
    await Promise.all(clients.map((client) => client.unary("x")));
    assert.equal(backends[0]!.calls, callsBefore);
    for (const client of clients) client.close();
    assert.equal(await proxy.terminate(), 0);
  });

  it("drains under load without a failed call while another takes over, and exits 0", async () => {
    const [leaving, staying] = await Promise.all([
      ProxyProcess.start(ports(), { concurrency: 2 }),
      ProxyProcess.start(ports(), { concurrency: 2 }),
    ]);
    const clients = Array.from({ length: 6 }, () => {
      const target = `ipv4:127.0.0.1:${leaving.port},127.0.0.1:${staying.port}`;
      return new Client(target, credentials.createInsecure(), {
        "grpc.default_authority": ECHO,
        "grpc.use_local_subchannel_pool": 1,
      });
    });
    const { path, requestSerialize, responseDeserialize } = echoDefinition.unary;
    const failures: string[] = [];
    let calls = 0;
    let running = true;
    const call = (client: Client): Promise<void> =>
      new Promise((resolve) => {
        const done = (error: Error | null): void => {
          calls++;
          if (error) failures.push(error.message);
          resolve();
        };
        client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          Buffer.from("sleep 3"),
          new Metadata(),
          done,
        );
      });
    const load = clients.flatMap((client) =>
      Array.from({ length: 8 }, async () => {
        while (running) await call(client);
      }),
    );
    await until("load runs", () => calls > 500, { limitMs: 20_000 });
    assert.equal((await leaving.stats())["downstream_connections.h2c"], clients.length);
    assert.equal(await leaving.terminate(), 0, leaving.output);
    assert.match(leaving.output, /all streams have finished/);
    const done = calls;
    await until("the other one serves", () => calls > done + 300, { limitMs: 20_000 });
    running = false;
    await Promise.all(load);
    assert.deepEqual(failures, []);
    for (const client of clients) client.close();
    assert.equal(await staying.terminate(), 0);
  });

  it("outlives a thread that fills its heap, stays ready, and says so in log and metric", async () => {
    const cluster = `{ name: '${ECHO}', endpoints: [{ address: 127.0.0.1:${ports()[0]} }] }`;
    const proxy = await BreakableProcess.start(cluster, "concurrency: 2", {}, BREAKABLE);
    await using _ = { [Symbol.asyncDispose]: () => proxy.stop() };
    await proxy.ready();
    const client = new GrpcClient(proxy.ports.listener);
    assert.equal((await client.unary("before")).code, 0);
    const broken: Break = { worker: 1, how: "exhaust" };
    proxy.tell(broken);
    const unready: string[] = [];
    await proxy.eventually(async () => {
      const ready = await proxy.get("/ready");
      if (ready !== "ready\n") unready.push(ready);
      // On a busy machine filling the heap may take so long that it counts as hanging.
      return /restarts_total\{thread="data_plane",reason="(out_of_memory|hung)"\} 1\n/.test(
        await proxy.metrics(),
      );
    });
    assert.deepEqual(unready, []);
    assert.match(proxy.stderr, /a thread died and is replaced, its connections are lost/);
    // New connections find a thread at once, whichever it is.
    const next = Array.from({ length: 4 }, () => new GrpcClient(proxy.ports.listener));
    for (const each of next) assert.equal((await each.unary("after")).code, 0);
    assert.equal((await next[0]!.unary("again")).code, 0);
    for (const each of [client, ...next]) each.close();
    proxy.kill("SIGTERM");
    assert.equal(await proxy.exited, 0);
  });
});
