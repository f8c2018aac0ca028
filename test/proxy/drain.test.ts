import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { echoDefinition } from "./fixture/echo-definition.ts";
import { GrpcBackend } from "./fixture/grpc-backend.ts";
import { GrpcClient } from "./fixture/grpc-client.ts";
import { ECHO } from "./fixture/local-proxy.ts";
import { ProxyProcess } from "./fixture/proxy-process.ts";
import { RawClient } from "./fixture/raw-client.ts";
import { until } from "./fixture/until.ts";

describe("the proxy as a process", () => {
  let backends: GrpcBackend[];
  const ports = (): number[] => backends.map(({ port }) => port);

  before(async () => {
    backends = await Promise.all([GrpcBackend.start(), GrpcBackend.start()]);
  });
  after(() => {
    for (const backend of backends) backend.stop();
  });

  it("drains under load without a failed call while another takes over, and exits 0", async () => {
    const [leaving, staying] = await Promise.all([ProxyProcess.start(ports()), ProxyProcess.start(ports())]);
    // No retry policy: grpc-js repeats only what it knows never left it or was refused.
    const clients = Array.from({ length: 4 }, () => {
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
    const load = clients.flatMap((client) =>
      Array.from({ length: 10 }, async () => {
        while (running) {
          await new Promise<void>((resolve) => {
            const message = Buffer.from("sleep 3");
            client.makeUnaryRequest(
              path,
              requestSerialize,
              responseDeserialize,
              message,
              new Metadata(),
              (error) => {
                calls++;
                if (error) failures.push(error.message);
                resolve();
              },
            );
          });
        }
      }),
    );
    await until("load runs", () => calls > 500, { limitMs: 10_000 });
    const code = await leaving.terminate();
    assert.equal(code, 0, leaving.output);
    const done = calls;
    await until("the other one serves", () => calls > done + 300, { limitMs: 10_000 });
    running = false;
    await Promise.all(load);
    assert.deepEqual(failures, []);
    for (const client of clients) client.close();
    assert.equal(await staying.terminate(), 0);
  });

  it("says goodbye in two phases, and finishes the streams it has", async () => {
    const proxy = await ProxyProcess.start(ports());
    const client = new RawClient(proxy.port);
    const lastIds: number[] = [];
    client.session.on("goaway", (_code, lastId) => lastIds.push(lastId));
    const chat = new GrpcClient(proxy.port);
    const stream = chat.chat();
    stream.write(Buffer.from("x"));
    await once(stream, "data");
    const body = Buffer.concat([Buffer.from([0, 0, 0, 0, 9]), Buffer.from("sleep 300")]);
    const call = client.call(body);
    await until("it runs", () => backends.some((backend) => backend.calls > 0));
    await sleep(50);
    const ended = proxy.terminate();
    assert.equal((await call).status, 0);
    await sleep(100);
    stream.write(Buffer.from("still here"));
    assert.equal(String((await once(stream, "data"))[0]), "still here");
    stream.end();
    stream.resume();
    assert.equal(await ended, 0);
    assert.equal(lastIds[0], 2 ** 31 - 1);
    assert.equal(lastIds.at(-1), 1);
    client.close();
    chat.close();
  });

  it("cuts off what outlasts the limit, says so to the client, and still exits 0", async () => {
    const proxy = await ProxyProcess.start(ports(), { drainLimitMs: 400 });
    const client = new GrpcClient(proxy.port);
    const call = client.unary("hang");
    await until("it hangs", () => backends.some((backend) => backend.calls > 0));
    await sleep(100);
    const started = performance.now();
    const ended = proxy.terminate();
    const { code, details } = await call;
    assert.equal(code, 14);
    assert.match(details, /the proxy is shutting down, during the call to echo\.test:50051/);
    assert.equal(await ended, 0);
    const tookMs = performance.now() - started;
    assert.ok(tookMs >= 390 && tookMs < 2500, `${tookMs} ms`);
    assert.match(proxy.output, /"streams":1[,}]/);
    client.close();
  });

  it("follows its configuration file without losing a call or a connection", async () => {
    const proxy = await ProxyProcess.start([backends[0]!.port], { policy: "round_robin" });
    const client = new GrpcClient(proxy.port);
    const failures: string[] = [];
    let running = true;
    const load = Array.from({ length: 5 }, async () => {
      while (running) {
        const { code, details } = await client.unary("sleep 1");
        if (code !== 0) failures.push(details);
      }
    });
    const newcomer = backends[1]!.calls;
    await proxy.rewrite(ports());
    await until("the new endpoint gets calls", () => backends[1]!.calls > newcomer + 5);
    await proxy.rewrite([backends[1]!.port]);
    while ((await proxy.endpoints()).length > 1) await sleep(20);
    await sleep(50);
    const rest = backends[0]!.calls;
    await sleep(100);
    assert.equal(backends[0]!.calls, rest);
    running = false;
    await Promise.all(load);
    assert.deepEqual(failures, []);
    const endpoints = await proxy.endpoints();
    assert.deepEqual(
      endpoints.map(({ address, inFlight }) => [address, inFlight]),
      [[`127.0.0.1:${backends[1]!.port}`, 0]],
    );
    client.close();
    assert.equal(await proxy.terminate(), 0);
  });
});
