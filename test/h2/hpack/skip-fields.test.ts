import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BlockKind } from "../../../src/h2/hpack/block-kind.ts";
import { DecodeResult } from "../../../src/h2/hpack/decode-result.ts";
import { HpackDecoder } from "../../../src/h2/hpack/decoder.ts";
import { releaseFields } from "../../../src/h2/hpack/release-fields.ts";
import type { Field, Form } from "./reference.ts";
import { AREA_OCTETS, makeRig, ReferenceEncoder } from "./reference.ts";

const { ok, listTooLarge, compressionError } = DecodeResult;
const LIST_OCTETS = 8000;
/** Three of it are too many. */
const BOMB: Field = ["x-bomb", "v".repeat(3000)];

/** A decoder and what encodes for it, both with the bomb in their tables. */
function setUp() {
  const rig = makeRig();
  const decoder = new HpackDecoder(rig.slab, rig.pool, { maxTableOctets: 4096, maxListOctets: LIST_OCTETS });
  const encoder = new ReferenceEncoder();
  const decode = (block: Buffer): DecodeResult => {
    block.copy(rig.slab.bytes, rig.input);
    const result = decoder.decode(rig.input, block.length, BlockKind.trailers, rig.block, AREA_OCTETS);
    releaseFields(rig.slab, rig.pool, rig.block, decoder.outOctets);
    return result;
  };
  const encode = (fields: readonly Field[], form: Form = "incremental", huffman = true, pick = 0): Buffer =>
    Buffer.concat(fields.map((field) => encoder.field(field, form, huffman, pick)));
  const end = (): void => {
    decoder.free();
    assert.equal(rig.pool.entries, 0);
    assert.equal(rig.close(), 0);
  };
  assert.equal(decode(encode([BOMB])), ok);
  return { decoder, decode, encode, end };
}

describe("the rest of a section that is too large", () => {
  it("is done nothing with but what the next section depends on", () => {
    const { decoder, decode, encode, end } = setUp();
    const lost = [
      encode([BOMB, BOMB, BOMB], "indexed"),
      encode([[":method", "POST"], BOMB], "indexed"),
      encode([["x-plain", "a".repeat(300)]], "plain", false, -1),
      encode([["x-plain", "a".repeat(300)]], "never", true, -1),
      encode([["accept", "*"]], "plain", true, 0),
      encode([["x-new", "new"]]),
      encode([BOMB, ["x-new", "new"]], "indexed"),
      encode([["x-bomb", "smaller"]], "incremental", true, 0),
    ];
    assert.equal(decode(Buffer.concat(lost)), listTooLarge);
    assert.equal(decoder.tableEntries, 3);
    assert.equal(
      decode(
        encode(
          [
            ["x-bomb", "smaller"],
            ["x-new", "new"],
          ],
          "indexed",
        ),
      ),
      ok,
    );
    // A thousand times that: had they been looked at one by one, they would have been counted.
    assert.equal(
      decode(Buffer.concat(Array.from({ length: 1000 }, () => encode([BOMB], "indexed")))),
      listTooLarge,
    );
    assert.equal(decoder.fieldCount, 3);
    end();
  });

  for (const [what, rest] of [
    ["index 0", [0x80]],
    ["an index beyond the table", [0x80 | 63]],
    ["a large index beyond the table", [0xff, 0x80, 0x01]],
    ["an index cut off", [0xff, 0x80]],
    ["a size update", [0x20]],
    ["a name's index beyond the table", [0x0f, 0x7f, 0x00]],
    ["a name cut off", [0x00, 0x02, 0x61]],
    ["a value cut off", [0x00, 0x01, 0x61, 0x01]],
    ["a value's length cut off", [0x00, 0x01, 0x61, 0x7f, 0x80]],
    ["Huffman code with EOS in a name", [0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00]],
    ["Huffman code with a padding of zeros", [0x00, 0x01, 0x61, 0x81, 0x18]],
  ] as const) {
    it(`cannot be decoded with ${what}, as in any other section`, () => {
      const { decode, encode, end } = setUp();
      const lost = encode([BOMB, BOMB, BOMB], "indexed");
      assert.equal(decode(lost), listTooLarge);
      assert.equal(decode(Buffer.concat([lost, Buffer.from(rest)])), compressionError);
      end();
    });
  }
});
