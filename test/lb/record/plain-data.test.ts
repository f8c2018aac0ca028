import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decodePlain, encodePlain } from "../../../src/lb/record/plain-data.ts";

const leaf = fc.oneof(
  fc.string(),
  fc.boolean(),
  fc.constant(null),
  fc.double(),
  fc.float64Array({ maxLength: 20 }),
  fc.int32Array({ maxLength: 20 }),
  fc.uint32Array({ maxLength: 20 }),
  fc.uint16Array({ maxLength: 20 }),
  fc.uint8Array({ maxLength: 20 }),
);
const { data } = fc.letrec((tie) => ({
  data: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie("data"), { maxLength: 5 }),
    fc.dictionary(
      fc.string().filter((key) => !key.startsWith("$") && key !== "__proto__"),
      tie("data"),
      { maxKeys: 5, noNullPrototype: true },
    ),
  ),
}));

describe("plain data", () => {
  it("comes back exactly: typed arrays of their kind, and -0, infinities and NaN", () => {
    fc.assert(fc.property(data, (value) => assert.deepEqual(decodePlain(encodePlain(value)), value)));
    const odd = Float64Array.of(-0, Number.NaN, Number.POSITIVE_INFINITY, 5e-324, 0.1 + 0.2);
    assert.deepEqual(decodePlain(encodePlain({ odd })), { odd });
  });

  it("names what is not data, and where", () => {
    class Behaviour {
      value = 1;
    }
    assert.throws(
      () => encodePlain({ a: [{ b: new Behaviour() }] }),
      /data\.a\[0\]\.b: found an instance of Behaviour/,
    );
    assert.throws(() => encodePlain({ f: () => 1 }), /data\.f: found function/);
    assert.throws(() => encodePlain(new Map()), /instance of Map/);
  });

  it("takes no tag for granted", () => {
    assert.throws(() => decodePlain('{"$f65":[1]}'), /a tag that does not exist/);
    assert.throws(() => decodePlain('{"$f64":7}'), /a tag that does not exist/);
  });
});
