import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { blockLiteralOctets, releaseFields } from "../../src/h2/hpack/release-fields.ts";
import { HeaderChange } from "../../src/route/header-change.ts";
import type { DecodedField, Field, Form } from "../h2/hpack/reference.ts";
import { fieldsOf, sizeOf } from "../h2/hpack/reference.ts";
import { configurationOf, RouteRig } from "./route-fixture.ts";

const NAMES = ["x-a", "x-b", "accept-encoding", "authorization", "user-agent", "x-c"];
const VALUES = ["", "1", "gzip, deflate", "a longer value of some octets"];
const name = fc.constantFrom(...NAMES);
const value = fc.constantFrom(...VALUES);
const changes = fc.record({
  set: fc.dictionary(name, value, { maxKeys: 3 }),
  add: fc.dictionary(name, value, { maxKeys: 3 }),
  remove: fc.array(name, { maxLength: 3 }),
});
const writing = fc.record({
  form: fc.constantFrom<Form>("indexed", "incremental", "plain", "never"),
  huffman: fc.boolean(),
  pick: fc.constantFrom(-1, 0),
});
const section = fc.array(fc.tuple(fc.tuple(name, value), writing), { maxLength: 8 });

describe("HeaderChange", () => {
  it("does what is said, in order, keeps the marks of what it passes on, and loses no reference", () => {
    fc.assert(
      fc.property(changes, fc.array(section, { maxLength: 6 }), (said, sections) => {
        const rig = new RouteRig(configurationOf());
        const change = new HeaderChange(said, rig.table.names);
        const { slab, pool, block } = rig.rig;
        for (const fields of sections) {
          const list = fields.map(([field]): Field => field);
          const length = rig.receive(list, (i) => fields[i]![1]);
          const before = fieldsOf(rig.rig, block, length);
          const after = change.apply(slab.bytes, pool, block, length);
          const gone = new Set([...said.remove, ...Object.keys(said.set)]);
          const added = [...Object.entries(said.set), ...Object.entries(said.add)];
          const wanted = before.filter(({ field }) => !gone.has(field[0]));
          const found: DecodedField[] = fieldsOf(rig.rig, block, after);
          assert.deepEqual(found.slice(0, wanted.length), wanted);
          assert.deepEqual(
            found.slice(wanted.length).map(({ field }) => field),
            added,
          );
          for (const { field, never } of found.slice(wanted.length))
            assert.equal(never, field[0] === "authorization");
          const octets = (of: readonly DecodedField[]): number =>
            of.reduce((sum, { field }) => sum + sizeOf(field), 0);
          assert.equal(change.listOctets, octets(found) - octets(before));
          assert.equal(
            rig.decoder.outLiteralOctets + change.literalOctets,
            blockLiteralOctets(slab, pool, block, after),
          );
          assert.ok(after <= length + change.addedOctets);
          releaseFields(slab, pool, block, after);
        }
        assert.equal(rig.close(), 0);
      }),
      { numRuns: 300 },
    );
  });
});
