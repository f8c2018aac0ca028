import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { it } from "node:test";
import fc from "fast-check";
import { Base64Decoder } from "../../src/http1/base64-decoder.ts";

async function decode(pieces: readonly string[]): Promise<Buffer> {
  const parts: Buffer[] = [];
  const source = Readable.from(
    pieces.filter((piece) => piece !== "").map((piece) => Buffer.from(piece, "latin1")),
  );
  for await (const part of source.pipe(new Base64Decoder())) parts.push(part);
  return Buffer.concat(parts);
}

it("padded pieces one after the other, cut anywhere, give the octets back", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { maxLength: 6 }),
      fc.integer({ min: 1, max: 9 }),
      async (segments, cut) => {
        const text = segments.map((octets) => Buffer.from(octets).toString("base64")).join("");
        const pieces = text.match(new RegExp(`.{1,${cut}}`, "g")) ?? [];
        assert.deepEqual(await decode(pieces), Buffer.concat(segments));
      },
    ),
    { numRuns: 300, seed: 17 },
  );
});

it("what is not base64 is an error", async () => {
  for (const text of ["AAA", "A===", "AA=A", "====", "AA-_", "AA\r\nAA", "AAAA=", "AAAA AAA", "\0AAA"]) {
    await assert.rejects(decode([text]), /base64/, text);
  }
});
