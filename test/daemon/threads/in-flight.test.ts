import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ClusterLoads } from "../../../src/lb/load/cluster-loads.ts";
import { MAX_ENDPOINT_SLOTS } from "../../../src/resource/slot-registry.ts";
import type { RawStream } from "../../proxy/fixture/raw-backend.ts";
import { RawBackend } from "../../proxy/fixture/raw-backend.ts";
import { RawClient } from "../../proxy/fixture/raw-client.ts";
import { until } from "../../proxy/fixture/until.ts";
import { freePort } from "../../support/free-port.ts";
import { ThreadRig } from "./thread-rig.ts";

/** A backend that answers when told to. */
async function holdingBackend(): Promise<{ backend: RawBackend; held: RawStream[]; answerAll: () => void }> {
  const held: RawStream[] = [];
  const backend = await RawBackend.start({ onRequest: (stream) => held.push(stream) });
  const answerAll = (): void => {
    for (const { connection, id } of held.splice(0)) connection.answer(id);
  };
  return { backend, held, answerAll };
}

describe("what several workers have in flight", () => {
  it("is one sum that pickers of all see, exact under load, and 0 afterwards", async () => {
    const { backend, held, answerAll } = await holdingBackend();
    const rig = await ThreadRig.start(2, [backend.port]);
    const { cluster, snapshot } = [...rig.publisher.clusters][0]!;
    assert.equal(cluster.endpoints.length, 1);
    const slot = snapshot.slotAt(0);
    const { inFlight, measures } = rig.counters.endpoints;
    const loads = new ClusterLoads({ inFlight, slots: MAX_ENDPOINT_SLOTS, measures });
    const clients = Array.from({ length: 8 }, () => new RawClient(rig.port));

    let running = true;
    let statuses: number[] = [];
    // Load that comes and goes, all the while two workers write their rows.
    const load = clients.map(async (client) => {
      while (running) statuses.push((await client.call()).status);
    });
    const answering = setInterval(answerAll, 2);
    for (let i = 0; i < 50; i++) {
      await sleep(10);
      const seen = loads.inFlight(slot, 1);
      assert.ok(seen >= 0 && seen <= clients.length, `${seen} in flight of ${clients.length}`);
    }
    clearInterval(answering);
    // Nobody is answered any more: each client has one request there, and every count must say so.
    await until("each client has one request at the endpoint", () => held.length === clients.length, {
      limitMs: 20_000,
    });
    running = false;
    assert.equal(loads.inFlight(slot, 1), clients.length);
    assert.equal(rig.counters.endpoints.inFlightOf(slot), clients.length);
    const rows = [0, 1].map(
      (worker) => rig.counters.endpoints.inFlight[rig.counters.endpoints.rowStart(worker) + slot],
    );
    assert.deepEqual(rows, [4, 4]);
    answerAll();
    await Promise.all(load);
    await until("nothing is in flight", () => loads.inFlight(slot, 1) === 0);
    assert.deepEqual(new Set(statuses), new Set([0]));
    assert.equal(rig.inFlight, 0);
    assert.equal(
      rig.attempts.reduce((sum, each) => sum + each, 0),
      statuses.length,
    );
    statuses = [];
    for (const client of clients) client.close();
    await rig.close();
    backend.stop();
  });

  it("keeps least request even where each worker alone knows half of it", async () => {
    const backends = await Promise.all([holdingBackend(), holdingBackend()]);
    const rig = await ThreadRig.start(
      2,
      backends.map(({ backend }) => backend.port),
    );
    const clients = Array.from({ length: 2 }, () => new RawClient(rig.port));
    // One call at a time, by turns on each worker: each is picked for when all before it are counted.
    const calls: Promise<unknown>[] = [];
    for (let i = 0; i < 20; i++) {
      calls.push(clients[i % 2]!.call());
      await until(
        "it is at an endpoint",
        () => backends.reduce((sum, { held }) => sum + held.length, 0) === i + 1,
      );
    }
    assert.deepEqual(
      backends.map(({ held }) => held.length),
      [10, 10],
    );
    for (const { answerAll } of backends) answerAll();
    await Promise.all(calls);
    await until("nothing is in flight", () => rig.inFlight === 0);
    for (const client of clients) client.close();
    await rig.close();
    for (const { backend } of backends) backend.stop();
  });

  it("goes without an endpoint that another worker has set aside", async () => {
    const { backend, held, answerAll } = await holdingBackend();
    const dead = await freePort();
    const rig = await ThreadRig.start(2, [backend.port, dead]);
    const { snapshot } = [...rig.publisher.clusters][0]!;
    const deadSlot = snapshot.slotAt(1);
    const { endpoints } = rig.counters;
    const clients = Array.from({ length: 2 }, () => new RawClient(rig.port));
    const answering = setInterval(answerAll, 2);
    let made = 0;
    while (made < 5) {
      // The first client's worker finds out; what it sent there is moved.
      while (!endpoints.isSetAside(deadSlot)) assert.equal((await clients[0]!.call()).status, 0);
      const knower = endpoints.setAside[endpoints.rowStart(0) + deadSlot] === 1 ? 0 : 1;
      const failures = (): number => rig.connectFailures[1 - knower]!;
      const before = failures();
      await sleep(300);
      // Its back-off may end at any time: the calls count that are made while its word stands.
      for (made = 0; made < 30 && endpoints.isSetAside(deadSlot); made++)
        assert.equal((await clients[1]!.call()).status, 0);
      if (endpoints.isSetAside(deadSlot)) assert.equal(failures(), before, `${made} calls`);
      else made = 0;
    }
    clearInterval(answering);
    assert.equal(held.length, 0);
    for (const client of clients) client.close();
    await rig.close();
    backend.stop();
  });
});
