import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterSnapshot } from "../../src/resource/cluster-snapshot.ts";
import { diffEndpoints } from "../../src/resource/diff-endpoints.ts";
import { encodeClusterSnapshot } from "../../src/resource/encode-cluster-snapshot.ts";
import { SlotRegistry } from "../../src/resource/slot-registry.ts";
import { cluster, endpoint } from "./cluster-builder.ts";

function versions(...members: number[][]): ClusterSnapshot[] {
  const registry = new SlotRegistry({ workerCount: 1 });
  return members.map((numbers) => {
    const source = cluster(numbers.map((n) => endpoint(n)));
    const slots = registry.assign(source);
    // A slot is free again at once: its next user must still not be taken for the former one.
    registry.acknowledge(
      0,
      Array.from({ length: 16 }, (_, slot) => slot),
    );
    return new ClusterSnapshot(encodeClusterSnapshot(source, slots));
  });
}

test("of a new cluster every endpoint is added", () => {
  const [only] = versions([1, 2]);
  assert.deepEqual(diffEndpoints(undefined, only!), { added: [0, 1], removed: [], keptCount: 0 });
});

test("added ones are named by their new index, removed ones by their old", () => {
  const [before, after] = versions([1, 2, 3], [4, 3, 1]);
  assert.deepEqual(diffEndpoints(before, after!), { added: [0], removed: [1], keptCount: 2 });
});

test("another endpoint in a reused slot is one removed and one added", () => {
  const [before, , after] = versions([1], [], [2]);
  assert.equal(before!.slotAt(0), after!.slotAt(0));
  assert.deepEqual(diffEndpoints(before, after!), { added: [0], removed: [0], keptCount: 0 });
});

test("a change of weight or health keeps the endpoint", () => {
  const registry = new SlotRegistry({ workerCount: 1 });
  const [before, after] = [{}, { weight: 7, health: "draining" as const }].map((changes) => {
    const source = cluster([endpoint(1, changes)]);
    return new ClusterSnapshot(encodeClusterSnapshot(source, registry.assign(source)));
  });
  assert.deepEqual(diffEndpoints(before, after!), { added: [], removed: [], keptCount: 1 });
});
