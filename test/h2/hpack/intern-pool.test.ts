import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LiteralStore } from "../../../src/h2/hpack/literal-store.ts";
import { makeRig, seeded } from "./reference.ts";

describe("InternPool", () => {
  it("gives equal fields one id, counts references and frees at zero", () => {
    const rig = makeRig();
    const { pool, slab } = rig;
    const intern = (text: string, name = 0): number => {
      const octets = slab.bytes.write(text, rig.input, "latin1");
      return pool.intern(name, rig.input, octets, 40, 0, 7);
    };
    const first = intern("abc");
    assert.equal(intern("abc"), first);
    assert.notEqual(intern("abd"), first);
    const named = intern("abc", 58);
    assert.notEqual(named, first);
    assert.equal(pool.references(first), 2);
    assert.deepEqual([pool.staticName[named], pool.sizeOctets[named], pool.number[named]], [58, 40, 7]);
    pool.retain(first);
    for (let i = 0; i < 3; i++) pool.release(first);
    assert.equal(pool.references(first), 0);
    const generation = pool.generation[first]!;
    assert.equal(intern("xyz"), first);
    assert.equal(generation, 1);
    assert.equal(pool.entries, 3);
    for (const id of [first, named, 2]) pool.release(id);
    assert.equal(rig.close(), 0);
  });

  it("is bounded in entries", () => {
    const rig = makeRig({ maxEntries: 10 });
    const ids = Array.from({ length: 20 }, (_, i) => {
      const octets = rig.slab.bytes.write(`value ${i}`, rig.input, "latin1");
      return rig.pool.intern(0, rig.input, octets, 40, 0, 0);
    });
    assert.equal(ids.filter((id) => id > 0).length, 10);
    assert.deepEqual(ids.slice(10), new Array(10).fill(-1));
    for (const id of ids.slice(0, 10)) rig.pool.release(id);
    assert.equal(rig.close(), 0);
  });

  it("finds what it has after any order of adding and freeing", () => {
    const rig = makeRig({ maxEntries: 200 });
    const random = seeded(1);
    const held = new Map<string, { id: number; references: number }>();
    for (let round = 0; round < 20_000; round++) {
      const text = `key ${Math.floor(random() * 150)} ${"x".repeat(Math.floor(random() * 3) * 100)}`;
      const known = held.get(text);
      if (known !== undefined && random() < 0.5) {
        rig.pool.release(known.id);
        if (--known.references === 0) held.delete(text);
        continue;
      }
      const octets = rig.slab.bytes.write(text, rig.input, "latin1");
      const id = rig.pool.intern(0, rig.input, octets, 40, 0, 0);
      if (id < 0) assert.equal(rig.pool.entries, 200);
      else {
        const at = rig.pool.literalOffset[id]!;
        assert.equal(rig.slab.bytes.toString("latin1", at, at + rig.pool.literalOctets[id]!), text);
        if (known === undefined) held.set(text, { id, references: 1 });
        else {
          assert.equal(id, known.id);
          known.references++;
        }
      }
      assert.equal(rig.pool.entries, held.size);
    }
    for (const { id, references } of held.values()) for (let i = 0; i < references; i++) rig.pool.release(id);
    assert.equal(rig.pool.entries, 0);
    assert.equal(rig.close(), 0);
  });
});

describe("LiteralStore", () => {
  it("never gives out an octet twice, and gives pages back", () => {
    const rig = makeRig();
    const before = rig.slab.usedOctets;
    const store = new LiteralStore(rig.slab);
    const random = seeded(2);
    const pieces: { at: number; octets: number; mark: number }[] = [];
    for (let round = 0; round < 20_000; round++) {
      if (pieces.length > 0 && (random() < 0.5 || pieces.length > 300)) {
        const [piece] = pieces.splice(Math.floor(random() * pieces.length), 1);
        const { at, octets, mark } = piece!;
        for (let i = at; i < at + octets; i++) assert.equal(rig.slab.bytes[i], mark);
        store.free(at, octets);
      } else {
        const octets = 1 + Math.floor(random() * (random() < 0.1 ? 2000 : 256));
        const at = store.alloc(octets);
        assert.notEqual(at, 0);
        const mark = Math.floor(random() * 200);
        rig.slab.bytes.fill(mark, at, at + octets);
        pieces.push({ at, octets, mark });
      }
    }
    for (const { at, octets } of pieces) store.free(at, octets);
    assert.equal(store.usedOctets, 0);
    assert.equal(rig.slab.usedOctets, before);
    rig.close();
  });
});
