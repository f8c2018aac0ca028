import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SlotLimitError } from "../../src/resource/slot-limit-error.ts";
import { SlotRegistry } from "../../src/resource/slot-registry.ts";
import { cluster, ECHO, endpoint } from "./cluster-builder.ts";

test("an endpoint that survives an update keeps its slot and generation", () => {
  const registry = new SlotRegistry({ workerCount: 1 });
  const before = registry.assign(cluster([endpoint(1), endpoint(2), endpoint(3)]));
  const after = registry.assign(cluster([endpoint(4), endpoint(3), endpoint(1)]));
  assert.equal(after.clusterSlot, before.clusterSlot);
  assert.deepEqual([...after.endpointSlots.slice(1)], [before.endpointSlots[2], before.endpointSlots[0]]);
  assert.deepEqual([...after.endpointGenerations], [1, 1, 1]);
});

test("a released slot is reused, with the next generation, only after every worker has acknowledged it", () => {
  const registry = new SlotRegistry({ workerCount: 2, maxEndpointSlots: 1 });
  const [slot] = registry.assign(cluster([endpoint(1)])).endpointSlots;
  registry.assign(cluster([]));
  assert.throws(() => registry.assign(cluster([endpoint(2)])), SlotLimitError);
  registry.acknowledge(0, [slot!]);
  registry.acknowledge(0, [slot!]);
  assert.throws(() => registry.assign(cluster([endpoint(2)])), SlotLimitError);
  registry.acknowledge(1, [slot!]);
  const reused = registry.assign(cluster([endpoint(2)]));
  assert.deepEqual([...reused.endpointSlots, ...reused.endpointGenerations], [slot, 2]);
});

test("a key that comes back gets another slot, so that an acknowledgement under way frees the old one only", () => {
  const registry = new SlotRegistry({ workerCount: 1 });
  const [old] = registry.assign(cluster([endpoint(1)])).endpointSlots;
  registry.assign(cluster([]));
  const [present] = registry.assign(cluster([endpoint(1)])).endpointSlots;
  assert.notEqual(present, old);
  registry.acknowledge(0, [old!]);
  assert.equal(registry.endpointSlot(endpoint(1).key), present);
});

test("an acknowledgement of a slot that is listed changes nothing", () => {
  const registry = new SlotRegistry({ workerCount: 1 });
  const [slot] = registry.assign(cluster([endpoint(1)])).endpointSlots;
  registry.acknowledge(0, [slot!, 7], [0, 9]);
  assert.notEqual(registry.assign(cluster([endpoint(1), endpoint(2)])).endpointSlots[1], slot);
});

test("a removed cluster gives back its own slot and those of its endpoints", () => {
  const registry = new SlotRegistry({ workerCount: 1, maxClusterSlots: 1 });
  const { clusterSlot, endpointSlots } = registry.assign(cluster([endpoint(1), endpoint(2)]));
  assert.equal(registry.remove(ECHO), clusterSlot);
  assert.equal(registry.remove(ECHO), -1);
  assert.equal(registry.clusterSlot(ECHO), -1);
  assert.throws(() => registry.assign(cluster([], { name: "other:1" })), /1 more cluster slot, 0 of 1 left/);
  registry.acknowledge(0, endpointSlots, [clusterSlot]);
  assert.equal(registry.assign(cluster([], { name: "other:1" })).clusterSlot, clusterSlot);
});

test("a refused update says what it needs and what is left, and changes nothing", () => {
  const registry = new SlotRegistry({ workerCount: 1, maxEndpointSlots: 3 });
  const before = registry.assign(cluster([endpoint(1), endpoint(2)]));
  registry.assign(cluster([endpoint(1)]));
  const tooMany = [1, 3, 4].map((n) => endpoint(n));
  assert.throws(() => registry.assign(cluster(tooMany)), {
    name: "SlotLimitError",
    message:
      `cluster ${ECHO}: needs 2 more endpoint slots, 1 of 3 left; 1 more become free once streams on ` +
      "removed endpoints have ended; the former version stays in force",
  });
  assert.equal(registry.endpointSlot(endpoint(1).key), before.endpointSlots[0]);
  assert.equal(registry.endpointSlot(endpoint(3).key), -1);
});

test("an endpoint listed twice is refused by name", () => {
  const registry = new SlotRegistry({ workerCount: 1 });
  assert.throws(
    () => registry.assign(cluster([endpoint(1), endpoint(1)])),
    /10\.0\.0\.1\|50051\|h2c is listed twice/,
  );
});

test("a dead worker holds no slot back", () => {
  const registry = new SlotRegistry({ workerCount: 2, maxEndpointSlots: 1 });
  const { endpointSlots } = registry.assign(cluster([endpoint(1)]));
  registry.assign(cluster([]));
  registry.acknowledge(0, endpointSlots);
  registry.workerGone(1);
  assert.equal(registry.assign(cluster([endpoint(2)])).endpointSlots[0], endpointSlots[0]);
});

test("over any updates and acknowledgements survivors keep slots and no slot has two users", () => {
  const WORKERS = 2;
  const NAMES = ["a:1", "b:1", "c:1"] as const;
  const update = fc.record({
    name: fc.constantFrom(...NAMES),
    members: fc.option(fc.uniqueArray(fc.integer({ min: 0, max: 12 }))),
    acknowledgements: fc.array(fc.record({ worker: fc.nat({ max: WORKERS - 1 }), pick: fc.nat() })),
  });
  fc.assert(
    fc.property(fc.array(update, { maxLength: 60 }), (updates) => {
      const registry = new SlotRegistry({ workerCount: WORKERS, maxEndpointSlots: 24 });
      const listed = new Map<string, number>();
      const unacknowledged = new Map<number, Set<number>>();
      const release = (key: string) => {
        unacknowledged.set(listed.get(key)!, new Set([0, 1]));
        listed.delete(key);
      };
      for (const { name, members, acknowledgements } of updates) {
        const endpoints = (members ?? []).map((n) => endpoint(n, {}, name));
        const keys = new Set(endpoints.map(({ key }) => key));
        try {
          if (members === null) registry.remove(name);
          else {
            const { endpointSlots } = registry.assign(cluster(endpoints, { name }));
            endpoints.forEach(({ key }, i) => {
              const slot = endpointSlots[i]!;
              assert.equal(listed.get(key) ?? slot, slot, "a survivor keeps its slot");
              assert.ok(
                !unacknowledged.has(slot),
                "a slot is not reused before all workers are done with it",
              );
              listed.set(key, slot);
            });
          }
          for (const key of [...listed.keys()]) {
            if (key.startsWith(`${name}|`) && !keys.has(key)) release(key);
          }
        } catch (error) {
          assert.ok(error instanceof SlotLimitError);
        }
        assert.equal(new Set(listed.values()).size, listed.size, "no slot has two users");
        for (const { worker, pick } of acknowledgements) {
          const slots = [...unacknowledged.keys()];
          const slot = slots[pick % slots.length];
          if (slot === undefined) continue;
          registry.acknowledge(worker, [slot]);
          unacknowledged.get(slot)!.delete(worker);
          if (unacknowledged.get(slot)!.size === 0) unacknowledged.delete(slot);
        }
      }
    }),
    { numRuns: 200 },
  );
});
