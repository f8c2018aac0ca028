import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { BAD_VALUE, SPACE } from "../../../src/h2/hpack/char-class.ts";
import { decodeHuffman, encodeHuffman, huffmanOctets } from "../../../src/h2/hpack/huffman.ts";
import { CODE_BITS, CODES, EOS } from "../../../src/h2/hpack/huffman-code.ts";
import { LiteralScanner } from "../../../src/h2/hpack/literal-scanner.ts";
import { integer } from "./reference.ts";

describe("the Huffman code", () => {
  it("is complete, and has the codes of RFC 7541 appendix B", () => {
    const sum = CODE_BITS.reduce((total, bits) => total + 2 ** -bits, 0);
    assert.equal(sum, 1);
    for (const [symbol, code, bits] of [
      [0x00, 0x1ff8, 13],
      [0x20, 0x14, 6],
      [0x30, 0x0, 5],
      [0x5c, 0x7fff0, 19],
      [0x61, 0x3, 5],
      [0x7a, 0x7b, 7],
      [0x7f, 0xffffffc, 28],
      [0x80, 0xfffe6, 20],
      [0xff, 0x3ffffee, 26],
      [EOS, 0x3fffffff, 30],
    ] as const) {
      assert.deepEqual([CODES[symbol], CODE_BITS[symbol]], [code, bits]);
    }
  });

  it("decodes what it encodes, and a scan says the same of it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        const bytes = Buffer.alloc(4096);
        const coded = huffmanOctets(octets, 0, octets.length);
        const prefix = integer(0x80, 7, coded);
        bytes.set(prefix, 1024);
        const start = 1024 + prefix.length;
        const end = encodeHuffman(octets, 0, octets.length, bytes, start);
        assert.equal(end - start, coded);
        assert.equal(decodeHuffman(bytes, start, coded, 0), octets.length);
        assert.deepEqual(new Uint8Array(bytes.subarray(0, octets.length)), octets);
        const scanner = new LiteralScanner(bytes, 3000);
        assert.equal(scanner.string(1024, end), end);
        assert.equal(scanner.length, octets.length);
        const isBlank = (octet: number | undefined): boolean => octet === 0x20 || octet === 0x09;
        const isBad =
          octets.some((octet) => (octet < 0x20 && octet !== 9) || octet === 0x7f) ||
          isBlank(octets[0]) ||
          isBlank(octets.at(-1));
        assert.equal((scanner.flags & BAD_VALUE) !== 0, isBad);
        assert.equal((scanner.flags & SPACE) !== 0, octets.some(isBlank));
        assert.equal(scanner.decode(1024, 0), octets.length);
      }),
      { seed: 7541 },
    );
  });

  it("accepts and rejects any octets as the decoder does", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 12 }), (octets) => {
        const bytes = Buffer.alloc(1024);
        bytes[100] = 0x80 | octets.length;
        bytes.set(octets, 101);
        const decoded = decodeHuffman(bytes, 101, octets.length, 0);
        const scanner = new LiteralScanner(bytes, 512);
        const end = scanner.string(100, 101 + octets.length);
        assert.equal(end < 0, decoded < 0);
        if (decoded >= 0) assert.equal(huffmanOctets(bytes, 0, decoded), octets.length);
      }),
      { numRuns: 20_000, seed: 9113 },
    );
  });
});
