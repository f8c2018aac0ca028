import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ACCEPTOR } from "../../../src/daemon/data-plane-threads.ts";
import { ENDPOINT_DEFAULTS } from "../../../src/resource/endpoint.ts";
import { ClusterColumn } from "../../../src/telemetry/cluster-counters.ts";
import { GrpcBackend } from "../../proxy/fixture/grpc-backend.ts";
import { GrpcClient } from "../../proxy/fixture/grpc-client.ts";
import { until } from "../../proxy/fixture/until.ts";
import type { Break } from "./breaker.ts";
import { QuietClient } from "./quiet-client.ts";
import { ThreadRig } from "./thread-rig.ts";

/** A thread is to be noticed within 1 s; another is then started, for which a busy machine gets some time more. */
const NOTICED_MS = 1_000;
const STARTED_MS = 20_000;

/** @returns milliseconds that the main thread has stood ready without a core; see proc(5). */
function coreWaitMs(): number {
  return Number(readFileSync("/proc/self/schedstat", "utf8").split(" ")[1]) / 1e6;
}

async function withRig(
  workers: number,
  run: (rig: ThreadRig, backend: GrpcBackend) => Promise<void>,
): Promise<void> {
  const backend = await GrpcBackend.start();
  const rig = await ThreadRig.start(workers, [backend.port], { breakable: true });
  try {
    await run(rig, backend);
  } finally {
    await rig.close();
    backend.stop();
  }
}

/** One call on a connection of its own, which tells which worker has it by the attempts counted there. */
async function clientOf(rig: ThreadRig, worker: number): Promise<GrpcClient> {
  for (let tries = 0; tries < 10; tries++) {
    const client = new GrpcClient(rig.port);
    const before = rig.attempts[worker]!;
    assert.equal((await client.unary("hello")).code, 0);
    if (rig.attempts[worker] === before + 1) return client;
    others.push(client);
  }
  throw new Error(`no connection came to worker ${worker}`);
}
const others: GrpcClient[] = [];

describe("a thread of the data plane that breaks", () => {
  for (const how of ["throw", "exit", "spin"] as const) {
    it(`(worker, ${how}) is noticed within a second, costs its own streams only, and is replaced with all state`, async () => {
      await withRig(2, async (rig) => {
        const doomed = await clientOf(rig, 1);
        const spared = await clientOf(rig, 0);
        const lost = doomed.unary("hang");
        const kept = spared.unary("sleep 4000");
        await until("both calls are under way", () => rig.inFlight === 2);
        // The other counters follow in the same turn.
        await sleep(50);
        const attemptsBefore = rig.attempts;

        const brokenMs = performance.now();
        const waitedMs = coreWaitMs();
        rig.breaker.break({ worker: 1, how });
        await until("the death is noticed", () => rig.gone.length > 0, { limitMs: 20_000 });
        const noticedMs = performance.now() - brokenMs;
        // What this thread, which watches, has waited for a core is the machine's part; so has the one that is watched.
        const waitMs = 2 * (coreWaitMs() - waitedMs);
        assert.ok(
          noticedMs < NOTICED_MS + 100 + waitMs,
          `noticed after ${noticedMs} ms, ${waitMs} without a core`,
        );
        assert.deepEqual(rig.gone, [1]);
        assert.equal((await lost).code, 14);
        assert.equal(rig.inFlight, 1, "what the dead one had in flight is cleared, the other's is not");
        assert.deepEqual(rig.connections.length, 2);
        assert.equal(rig.connections[1], 0);
        assert.deepEqual(rig.column(ClusterColumn.streamsActive), [1, 0]);
        assert.deepEqual(rig.attempts, attemptsBefore, "totals stay");

        await until("it is replaced", () => rig.served.length === 3, { limitMs: STARTED_MS });
        const again = await clientOf(rig, 1);
        assert.equal((await again.unary("after")).body.toString(), "after");
        assert.ok(rig.attempts[1]! > attemptsBefore[1]!, "and are counted on from");
        assert.equal((await kept).code, 0);
        await until("nothing is in flight", () => rig.inFlight === 0);
        assert.equal(rig.counters.restarts.of("data_plane", how === "spin" ? "hung" : "crash"), 1);
        assert.deepEqual(rig.faults, []);
        for (const client of [doomed, spared, again, ...others.splice(0)]) client.close();
      });
    });
  }

  it("(the only worker) is replaced on the same port, and clients find it again", async () => {
    await withRig(1, async (rig) => {
      const { port } = rig;
      const client = new GrpcClient(port);
      assert.equal((await client.unary("before")).code, 0);
      for (const how of ["throw", "spin"] as const) {
        const listened = rig.listening;
        rig.breaker.break({ worker: 0, how });
        const brokenMs = performance.now();
        await until("it listens again", () => rig.listening > listened, { limitMs: STARTED_MS });
        const backMs = performance.now() - brokenMs;
        assert.equal(rig.port, port);
        // grpc-js tries again by itself; a call that waits for the connection shows that it came about.
        const deadline = Date.now() + 10_000;
        assert.equal((await client.unary("after", { deadline })).code >= 0, true);
        const fresh = new GrpcClient(port);
        assert.equal((await fresh.unary("after", { deadline })).code, 0, `${how}, back after ${backMs} ms`);
        fresh.close();
      }
      assert.deepEqual(rig.gone, [0, 0]);
      client.close();
    });
  });

  for (const how of ["throw", "spin"] as const) {
    it(`(acceptor, ${how}) is replaced on the same port, costs no connection, and goes on counting`, async () => {
      await withRig(2, async (rig) => {
        const before = Array.from({ length: 5 }, () => new QuietClient(rig.port));
        await Promise.all(before.map((client) => client.answered));
        rig.breaker.break({ worker: ACCEPTOR, how });
        await until("it is back", () => rig.listening === 2, { limitMs: STARTED_MS });
        assert.deepEqual(rig.gone, [ACCEPTOR]);
        const after = Array.from({ length: 5 }, () => new QuietClient(rig.port));
        await Promise.all(after.map((client) => client.answered));
        assert.deepEqual(rig.connections, [5, 5]);
        assert.equal(rig.counters.restarts.of("acceptor", how === "spin" ? "hung" : "crash"), 1);
        for (const client of [...before, ...after]) client.close();
        await until("all are gone", () => rig.connections.every((count) => count === 0));
      });
    });
  }

  it("gets no slot back from the dead: what was removed meanwhile is free for others", async () => {
    await withRig(2, async (rig, backend) => {
      const client = await clientOf(rig, 1);
      const call = client.unary("hang");
      await until("it is under way", () => rig.inFlight === 1);
      const slot = rig.slots.endpointSlot([...rig.publisher.clusters][0]!.cluster.endpoints[0]!.key);
      // Worker 1 cannot let go of the endpoint while the call lasts.
      rig.apply([backend.port + 1]);
      await until("the other has", () =>
        rig.messages.some(({ worker, message }) => worker === 0 && message.kind === "epoch"),
      );
      rig.breaker.break({ worker: 1, how: "throw" });
      await until("it is replaced", () => rig.served.length === 3, { limitMs: STARTED_MS });
      assert.equal((await call).code, 14);
      rig.publisher.upsert({
        ...[...rig.publisher.clusters][0]!.cluster,
        name: "next:1",
        endpoints: [{ ...ENDPOINT_DEFAULTS, key: "next", address: "127.0.0.1", port: 1 }],
      });
      assert.equal(rig.slots.endpointSlot("next"), slot);
      for (const each of [client, ...others.splice(0)]) each.close();
    });
  });

  it("again and again ends the process", async () => {
    await withRig(2, async (rig) => {
      for (let death = 1; death <= 6; death++) {
        const { length } = rig.served;
        const broken: Break = { worker: death % 2, how: "throw" };
        rig.breaker.break(broken);
        await until("it died", () => rig.gone.length === death);
        if (death < 6)
          await until("it is replaced", () => rig.served.length > length, { limitMs: STARTED_MS });
      }
      assert.equal(rig.faults.length, 1);
      assert.equal(rig.faults[0]!.exitCode, 70);
      assert.match(
        rig.faults[0]!.message,
        /^more than 5 threads died within 60 s; the last one: data-plane thread 0 died: Error: told to die/,
      );
      await sleep(300);
      assert.equal(rig.served.length, 2 + 5);
    });
  });
});
