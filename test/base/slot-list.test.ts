import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../src/base/random.ts";
import { SlotLinks, SlotList } from "../../src/base/slot-list.ts";

test("slots leave in the order they came", () => {
  const list = new SlotList(new SlotLinks(10));
  for (const slot of [3, 1, 2]) list.push(slot);
  assert.deepEqual([list.shift(), list.shift(), list.shift(), list.shift()], [3, 1, 2, 0]);
  assert.equal(list.size, 0);
});

test("lists over the same links agree with arrays, in any order of calls", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SeededRandom(seed);
    const links = new SlotLinks(64);
    const lists = [new SlotList(links), new SlotList(links)];
    const models: number[][] = [[], []];
    for (let step = 0; step < 1000; step++) {
      const slot = 1 + random.nextInt(63);
      const at = models.findIndex((model) => model.includes(slot));
      const which = random.nextInt(2);
      if (at >= 0) {
        lists[at]!.remove(slot);
        models[at]!.splice(models[at]!.indexOf(slot), 1);
      } else {
        lists[which]!.push(slot);
        models[which]!.push(slot);
      }
      if (random.nextFloat() < 0.2) assert.equal(lists[which]!.shift(), models[which]!.shift() ?? 0);
      for (const [i, list] of lists.entries()) {
        assert.equal(list.head, models[i]![0] ?? 0);
        assert.equal(list.size, models[i]!.length);
      }
    }
  }
});
