import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { BlockKind } from "../../../src/h2/hpack/block-kind.ts";
import { DecodeResult } from "../../../src/h2/hpack/decode-result.ts";
import { HpackDecoder } from "../../../src/h2/hpack/decoder.ts";
import { HpackEncoder } from "../../../src/h2/hpack/encoder.ts";
import { releaseFields } from "../../../src/h2/hpack/release-fields.ts";
import type { Field } from "./reference.ts";
import { AREA_OCTETS, fieldsOf, makeRig, ReferenceDecoder } from "./reference.ts";

interface Story {
  readonly name: string;
  readonly cases: readonly { wire: string; headers: Field[]; tableSize?: number }[];
}

/** A header block, what it says, and as what. */
interface Piece {
  readonly kind: BlockKind;
  readonly block: Buffer;
  readonly fields: readonly Field[];
}

/** Static fields for what a request needs: they touch no dynamic table. */
const COMPLETIONS: readonly [name: string, value: string, index: number][] = [
  [":method", "POST", 3],
  [":scheme", "http", 6],
  [":path", "/", 4],
];

/** The stories are older than HTTP/2 and were made of browsers' HTTP/1 headers. */
const FORBIDDEN = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);

for (const folder of ["nghttp2", "nghttp2-change-table-size", "swift-nio-hpack-huffman"]) {
  const path = new URL(`../../fixtures/hpack/${folder}.json.gz`, import.meta.url);
  const stories: Story[] = JSON.parse(gunzipSync(readFileSync(path)).toString());
  describe(`the stories of ${folder}`, () => {
    for (const story of stories)
      it(`decodes ${story.name}, and encodes it so that others can`, () => tell(story));
  });
}

function tell(story: Story): void {
  const rig = makeRig();
  const limits = { maxTableOctets: 4096, maxListOctets: AREA_OCTETS };
  const decoder = new HpackDecoder(rig.slab, rig.pool, limits);
  const again = new HpackDecoder(rig.slab, rig.pool, limits);
  const encoder = new HpackEncoder(rig.slab, rig.pool);
  const guide = new ReferenceDecoder();
  const reference = new ReferenceDecoder();
  for (const { wire, headers, tableSize } of story.cases) {
    if (tableSize !== undefined) {
      decoder.setMaxTableOctets(tableSize);
      again.setMaxTableOctets(Math.min(tableSize, 4096));
      encoder.setMaxTableOctets(tableSize);
    }
    for (const { kind, block, fields } of pieces(guide, Buffer.from(wire, "hex"), headers)) {
      block.copy(rig.slab.bytes, rig.input);
      const result = decoder.decode(rig.input, block.length, kind, rig.block, AREA_OCTETS);
      if (!isValid(fields)) {
        assert.equal(result, DecodeResult.malformed, JSON.stringify(fields));
        continue;
      }
      assert.equal(result, DecodeResult.ok, JSON.stringify(fields));
      assert.equal(
        decoder.listOctets,
        fields.reduce((sum, field) => sum + field[0].length + field[1].length + 32, 0),
      );
      const decoded = fieldsOf(rig, rig.block, decoder.outOctets).map((entry) => entry.field);
      assert.deepEqual(decoded, fields);
      const end = encoder.encode(rig.block, decoder.outOctets, rig.output);
      const bound = encoder.encodedBound(decoder.outOctets, decoder.outLiteralOctets);
      assert.ok(end - rig.output <= bound, `${end - rig.output} octets, at most ${bound} expected`);
      releaseFields(rig.slab, rig.pool, rig.block, decoder.outOctets);
      const encoded = rig.slab.bytes.subarray(rig.output, end);
      const foreign = reference.decode(encoded).map((entry) => entry.field);
      assert.deepEqual(foreign, fields);
      const own = again.decode(rig.output, end - rig.output, kind, rig.block, AREA_OCTETS);
      assert.equal(own, DecodeResult.ok);
      releaseFields(rig.slab, rig.pool, rig.block, again.outOctets);
    }
  }
  for (const part of [decoder, again, encoder]) part.free();
  assert.equal(rig.pool.entries, 0);
  assert.equal(rig.close(), 0);
}

/** @returns the block as it is when HTTP/2 allows it, otherwise one block per field, so that no value goes unseen. */
function pieces(guide: ReferenceDecoder, block: Buffer, headers: Field[]): Piece[] {
  guide.decode(block);
  const isResponse = headers.some(([name]) => name === ":status");
  if (isResponse && isValid(headers)) return [{ kind: BlockKind.response, block, fields: headers }];
  const isWhole = COMPLETIONS.every(([name]) => headers.some((field) => field[0] === name));
  if (isWhole && isValid(headers)) return [{ kind: BlockKind.request, block, fields: headers }];
  return headers.map((field, i) => {
    const alone = block.subarray(i === 0 ? 0 : guide.ends[i - 1], guide.ends[i]);
    if (field[0] === ":status") return { kind: BlockKind.response, block: alone, fields: [field] };
    if (!field[0].startsWith(":")) return { kind: BlockKind.trailers, block: alone, fields: [field] };
    const missing = COMPLETIONS.filter(([name]) => name !== field[0]);
    return {
      kind: BlockKind.request,
      block: Buffer.concat([alone, Buffer.from(missing.map(([, , index]) => 0x80 | index))]),
      fields: [field, ...missing.map(([name, value]): Field => [name, value])],
    };
  });
}

function isValid(headers: readonly Field[]): boolean {
  const lastPseudo = headers.findLastIndex(([name]) => name.startsWith(":"));
  const firstRegular = headers.findIndex(([name]) => !name.startsWith(":"));
  if (firstRegular >= 0 && firstRegular < lastPseudo) return false;
  return headers.every(([name, value]) => !FORBIDDEN.has(name) && value.trim() === value);
}
