import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FieldReader } from "../../../src/capture/canary/field-reader.ts";
import { writeFields } from "../../../src/capture/canary/frames.ts";

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(" ", ""), "hex");

describe("FieldReader", () => {
  it("reads the requests of RFC 7541 C.4: Huffman codes and a dynamic table", () => {
    const reader = new FieldReader();
    const blocks = [
      "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
      "8286 84be 5886 a8eb 1064 9cbf",
      "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ].map((block) => Object.fromEntries(reader.read(hex(block)) ?? []));
    assert.equal(blocks[0]![":authority"], "www.example.com");
    assert.equal(blocks[1]!["cache-control"], "no-cache");
    assert.deepEqual(blocks[2], {
      ":method": "GET",
      ":scheme": "https",
      ":path": "/index.html",
      ":authority": "www.example.com",
      "custom-key": "custom-value",
    });
  });

  it("reads what writeFields writes", () => {
    const fields = [
      [":status", "200"],
      ["x-isobar-worker", "3"],
    ] as const;
    assert.deepEqual([...(new FieldReader().read(writeFields(fields)) ?? [])], fields);
  });

  for (const [what, block] of [
    ["an index behind the table", "be"],
    ["a string longer than the block", "00 05 61"],
    ["an integer without an end", "ff ff ff ff ff ff ff"],
    ["a broken Huffman code", "00 01 61 84 ff ff ff ff"],
  ] as const)
    it(`says that a block with ${what} is broken`, () => {
      assert.equal(new FieldReader().read(hex(block)), undefined);
    });
});
