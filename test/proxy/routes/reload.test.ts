import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { GrpcBackend } from "../fixture/grpc-backend.ts";
import { ECHO } from "../fixture/local-proxy.ts";
import { ProxyProcess } from "../fixture/proxy-process.ts";
import { RawClient } from "../fixture/raw-client.ts";
import { until } from "../fixture/until.ts";

const CANARY = "canary.test:1";
const MESSAGE = Buffer.from([0, 0, 0, 0, 1, 42]);

/** @returns lines of a configuration with a canary of so many percent. */
function canaryOf(percent: number): string[] {
  const clusters = `[{ name: "${ECHO}", weight: ${100 - percent} }, { name: "${CANARY}", weight: ${percent} }]`;
  return ["routes:", `  - { name: split, authorities: ["${ECHO}"], clusters: ${clusters} }`];
}

describe("routes of a running proxy", () => {
  it("follow the file, canary 1 to 50 to 0 percent, with two workers under load and no call failed", async () => {
    const [stable, canary] = await Promise.all([GrpcBackend.start(), GrpcBackend.start()]);
    const second = { name: CANARY, port: canary.port };
    const proxy = await ProxyProcess.start([stable.port], { concurrency: 2, second });
    const clients = [1, 2, 3, 4].map(() => new RawClient(proxy.port));
    let running = true;
    let done = 0;
    const load = clients.map(async (client) => {
      while (running) {
        const answers = await Promise.all([1, 2, 3].map(() => client.call(MESSAGE)));
        for (const { status, message } of answers) assert.equal(status, 0, message);
        done += answers.length;
      }
    });
    const all = Promise.all(load);
    /** @returns the canary's share of the calls after the change. */
    const change = async (more: string[]): Promise<number> => {
      const { version } = await proxy.routes();
      await proxy.rewrite([stable.port], { more });
      for (let i = 0; (await proxy.routes()).version === version; i++) {
        assert.ok(i < 500, "the routes do not change");
        await sleep(20);
      }
      // What was decided before is over.
      const settled = done + 100;
      await Promise.race([all, until("calls", () => done >= settled)]);
      const [from, canaryFrom] = [done, canary.calls];
      await Promise.race([all, until("more calls", () => done - from >= 1000, { limitMs: 20_000 })]);
      return (canary.calls - canaryFrom) / (done - from);
    };
    assert.equal((await proxy.routes()).routes.length, 0);
    assert.ok((await change(canaryOf(1))) < 0.04);
    const half = await change(canaryOf(50));
    assert.ok(Math.abs(half - 0.5) < 0.08, `${half}`);
    const { routes } = await proxy.routes();
    assert.equal(routes[0]!.name, "split");
    assert.ok(routes[0]!.clusters.every(({ requests }) => requests > 0));
    assert.equal(await change([]), 0);
    running = false;
    await all;
    for (const client of clients) client.close();
    assert.equal(await proxy.terminate(), 0);
    stable.stop();
    canary.stop();
  });
});
