import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { covers, RoutePlaces } from "../../src/route/route-places.ts";
import { configurationOf } from "./route-fixture.ts";

const places = (...lists: readonly string[][]): RoutePlaces =>
  new RoutePlaces(configurationOf(...lists.map((authorities) => ({ authorities }))).routes);

describe("RoutePlaces", () => {
  it("finds routes by name and by all patterns that have it, in their order and once", () => {
    const of = places(["a.shop", "b.shop"], ["*.shop"], ["c.bank"], ["*"], ["a.shop", "*.shop", "a.shop"]);
    assert.deepEqual(of.covering("a.shop"), [0, 1, 3, 4]);
    assert.deepEqual(of.covering("other.shop"), [1, 3, 4]);
    assert.deepEqual(of.covering("c.bank"), [2, 3]);
    assert.deepEqual(of.covering("*.shop"), [1, 3, 4]);
    assert.deepEqual(of.covering("*"), [3]);
    assert.deepEqual([...of.names.keys()], ["a.shop", "b.shop", "*.shop", "c.bank", "*"]);
  });

  it("looks at no route but its own for a name, however many services there are", () => {
    const many = Array.from({ length: 20_000 }, (_, i) => [`svc-${i}:80`, `svc-${i}.default:80`]);
    const before = process.cpuUsage();
    const of = places(...many);
    for (const [name] of many) assert.equal(of.covering(name!).length, 1);
    const { user, system } = process.cpuUsage(before);
    // Comparing all with all would be 800 million comparisons.
    assert.ok(user + system < 3_000_000, `${user + system} us`);
  });
});

describe("covers", () => {
  it("says which patterns lie within which", () => {
    assert.ok(covers("*", "a"));
    assert.ok(covers("*.b.c", "*.a.b.c"));
    assert.ok(covers("*.c", "b.c"));
    assert.ok(!covers("*.b.c", "b.c"));
    assert.ok(!covers("b.c", "*.b.c"));
    assert.ok(!covers("*.a.b", "*.b"));
  });
});
