import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { RawClient } from "../../proxy/fixture/raw-client.ts";
import { WorkerBackend } from "../../proxy/fixture/worker-backend.ts";
import { ProxyProcess } from "../proxy-process.ts";
import type { Break } from "./breaker.ts";

const WORKERS = 2;
const BREAKABLE = { module: "./threads/breakable-proxy.ts", nodeOptions: [] };
const STABLE = "stable.test:1";
const CANARY = "canary.test:1";
const MESSAGE = Buffer.from([0, 0, 0, 0, 1, 42]);

/** Calls to STABLE with the header go to CANARY, and come back marked. */
const routesFor = (header: string): string =>
  `concurrency: ${WORKERS}
routes:
  - name: by-header
    authorities: ["${STABLE}"]
    matches: [{ headers: [{ name: ${header}, present: true }] }]
    clusters: [{ name: "${CANARY}", weight: 1 }]
    responseHeaders: { set: { x-route: "${header}" } }
`;

describe("a data-plane thread in the place of one that died", () => {
  let backends: WorkerBackend[];
  before(async () => {
    backends = await Promise.all([WorkerBackend.start(0), WorkerBackend.start(1)]);
  });
  after(() => {
    for (const backend of backends) backend.stop();
  });

  it("has the routes in force, and gets the next ones", async () => {
    const clusters = [STABLE, CANARY]
      .map((name, i) => `{ name: "${name}", endpoints: [{ address: "127.0.0.1:${backends[i]!.port}" }] }`)
      .join(", ");
    const proxy = await ProxyProcess.start(clusters, routesFor("x-canary"), {}, BREAKABLE);
    await using _ = { [Symbol.asyncDispose]: () => proxy.stop() };
    await proxy.ready();

    /** @returns what came back on new connections, of which each thread has some: backend and mark. */
    const answers = async (header: string): Promise<Set<string>> => {
      const clients = Array.from({ length: 2 * WORKERS }, () => new RawClient(proxy.ports.listener));
      const seen = new Set<string>();
      for (const client of clients) {
        const { status, message, body, headers } = await client.call(MESSAGE, {
          ":authority": STABLE,
          [header]: "1",
        });
        assert.equal(status, 0, message);
        seen.add(`${body[0]} ${headers["x-route"] ?? "none"}`);
      }
      for (const client of clients) client.close();
      return seen;
    };
    const routed = new Set(["1 x-canary"]);
    assert.deepEqual(await answers("x-canary"), routed);
    assert.deepEqual(await answers("x-other"), new Set(["0 none"]));

    for (let worker = 0; worker < WORKERS; worker++) {
      const broken: Break = { worker, how: "throw" };
      proxy.tell(broken);
      const wanted = `isobar_thread_restarts_total{thread="data_plane",reason="crash"} ${worker + 1}`;
      await proxy.eventually(async () => (await proxy.metrics()).includes(wanted));
      await proxy.ready();
      // Connections are shared out evenly over threads that serve: some of them are the new one's.
      assert.deepEqual(await answers("x-canary"), routed, `thread ${worker} has been replaced`);
      assert.deepEqual(await answers("x-other"), new Set(["0 none"]));
    }

    proxy.write(clusters, routesFor("x-other"));
    await proxy.eventually(async () => (await answers("x-other")).has("1 x-other"));
    assert.deepEqual(await answers("x-other"), new Set(["1 x-other"]));
    assert.deepEqual(await answers("x-canary"), new Set(["0 none"]));
    proxy.kill("SIGTERM");
    assert.equal(await proxy.exited, 0, proxy.stderr);
  });
});
