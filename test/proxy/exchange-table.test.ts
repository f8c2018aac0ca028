import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { Slab } from "../../src/base/slab.ts";
import { ExchangeTable, MAX_TRIED } from "../../src/proxy/exchange-table.ts";

const SLOTS = 64;

function table(): ExchangeTable {
  return new ExchangeTable(new Slab({ capacityOctets: 2 ** 20, poison: true }), SLOTS);
}

/** @returns the attempts of a client's stream, the first first. */
function attempts(exchanges: ExchangeTable, slot: number): number[] {
  const found: number[] = [];
  for (
    let at = exchanges.peer[slot]!;
    at !== 0;
    at = found.length === 1 ? exchanges.hedge[slot]! : exchanges.hedge[at]!
  )
    found.push(at);
  return found;
}

describe("the exchange table", () => {
  it("pairs a client's stream with several attempts, and the next takes the place of a first one that is gone", () => {
    const exchanges = table();
    exchanges.peer[1] = 10;
    exchanges.peer[10] = 1;
    exchanges.addHedge(1, 11);
    exchanges.addHedge(1, 12);
    assert.deepEqual(attempts(exchanges, 1), [10, 12, 11]);
    exchanges.part(1, 10);
    assert.deepEqual(attempts(exchanges, 1), [12, 11]);
    exchanges.part(1, 11);
    assert.deepEqual(attempts(exchanges, 1), [12]);
    exchanges.part(1, 12);
    assert.deepEqual(attempts(exchanges, 1), []);
    for (const column of [exchanges.peer, exchanges.hedge]) assert.ok(column.every((cell) => cell === 0));
  });

  it("forgets no attempt and invents none, in whatever order they come and go", () => {
    const random = new SeededRandom(5);
    for (let round = 0; round < 500; round++) {
      const exchanges = table();
      const present = new Set<number>();
      for (let step = 0; step < 30; step++) {
        const stream = 10 + random.nextInt(8);
        if (present.has(stream)) {
          exchanges.part(1, stream);
          present.delete(stream);
        } else if (present.size === 0) {
          exchanges.peer[1] = stream;
          exchanges.peer[stream] = 1;
          present.add(stream);
        } else {
          exchanges.addHedge(1, stream);
          present.add(stream);
        }
        assert.deepEqual(new Set(attempts(exchanges, 1)), present);
        for (const each of present) assert.equal(exchanges.peer[each], 1);
      }
    }
  });

  it("remembers the last endpoints tried", () => {
    const exchanges = table();
    const tried = new Int32Array(MAX_TRIED);
    exchanges.begin(1, 0);
    assert.equal(exchanges.copyTried(1, tried), 0);
    for (let i = 0; i < MAX_TRIED + 3; i++) {
      exchanges.endpoint[1] = 100 + i;
      exchanges.countMove(1);
    }
    assert.equal(exchanges.copyTried(1, tried), MAX_TRIED);
    assert.deepEqual([...tried].sort(), Array.from({ length: MAX_TRIED }, (_, i) => 103 + i).sort());
  });
});
