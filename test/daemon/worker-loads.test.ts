import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { WorkerLoads } from "../../src/daemon/worker-loads.ts";

/** A worker and its acceptor as they count. */
class Counted {
  readonly loads: WorkerLoads;
  readonly workers: readonly number[];
  readonly #ended: number[];

  constructor(count: number) {
    this.loads = new WorkerLoads(count);
    this.workers = Array.from({ length: count }, (_, worker) => worker);
    this.#ended = this.workers.map(() => 0);
  }

  open(): number {
    const worker = this.loads.least(this.workers);
    this.loads.handedOver(worker);
    return worker;
  }

  close(worker: number): void {
    this.#ended[worker]!++;
    this.loads.ended(worker, this.#ended[worker]!);
  }

  get connections(): number[] {
    return this.workers.map((worker) => this.loads.connections(worker));
  }

  get spread(): number {
    return Math.max(...this.connections) - Math.min(...this.connections);
  }
}

test("six connections on two workers are three and three", () => {
  const counted = new Counted(2);
  for (let i = 0; i < 6; i++) counted.open();
  assert.deepEqual(counted.connections, [3, 3]);
});

test("whatever opens and closes, the next connection goes to one with the fewest, and opening alone never spreads them by more than 1", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 16 }),
      fc.array(fc.oneof(fc.constant(-1), fc.nat(1000)), { maxLength: 300 }),
      fc.array(fc.nat(5000), { minLength: 16, maxLength: 16 }),
      (count, steps, streams) => {
        const counted = new Counted(count);
        for (const worker of counted.workers) counted.loads.streams(worker, streams[worker]!);
        const open: number[] = [];
        for (const step of steps) {
          const before = counted.spread;
          if (step < 0 || open.length === 0) {
            const fewest = Math.min(...counted.connections);
            const worker = counted.open();
            assert.equal(counted.connections[worker], fewest + 1);
            assert.ok(counted.spread <= Math.max(1, before));
            open.push(worker);
          } else {
            counted.close(open.splice(step % open.length, 1)[0]!);
          }
        }
        assert.equal(
          counted.connections.reduce((sum, each) => sum + each, 0),
          open.length,
        );
        // As many again as the largest has room for: the imbalance that closing left is gone.
        for (let missing = counted.spread * count; missing > 0; missing--) counted.open();
        assert.ok(counted.spread <= 1);
      },
    ),
  );
});

test("among workers with as many connections, the one with fewest streams is next", () => {
  const { loads } = new Counted(3);
  loads.streams(0, 9);
  loads.streams(1, 2);
  loads.streams(2, 5);
  assert.equal(loads.least([0, 1, 2]), 1);
  loads.handedOver(1);
  assert.equal(loads.least([0, 1, 2]), 2);
  assert.equal(loads.least([]), -1);
});

test("a replacement starts with no connections, whatever its predecessor had", () => {
  const counted = new Counted(2);
  for (let i = 0; i < 5; i++) counted.open();
  counted.close(0);
  counted.loads.retire(0);
  // One more may be sent to the dead one before the acceptor hears of it.
  counted.loads.handedOver(0);
  counted.loads.startAfresh(0);
  assert.deepEqual(counted.connections, [0, 2]);
});
