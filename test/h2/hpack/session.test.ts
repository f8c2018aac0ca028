import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { BlockKind } from "../../../src/h2/hpack/block-kind.ts";
import { DecodeResult } from "../../../src/h2/hpack/decode-result.ts";
import { HpackDecoder } from "../../../src/h2/hpack/decoder.ts";
import { HpackEncoder } from "../../../src/h2/hpack/encoder.ts";
import { releaseFields, retainFields } from "../../../src/h2/hpack/release-fields.ts";
import type { Field } from "./reference.ts";
import {
  AREA_OCTETS,
  fieldsOf,
  integer,
  makeRig,
  ReferenceDecoder,
  ReferenceEncoder,
  seeded,
} from "./reference.ts";

const SECRET_NAMES = ["authorization", "cookie", "x-api-key"];
const NAMES = [
  "x-a",
  "x-b",
  "traceparent",
  "user-agent",
  "accept",
  "server",
  "grpc-message",
  ...SECRET_NAMES,
];

const value = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("", "1", "gzip, deflate", "a somewhat longer value") },
  { weight: 2, arbitrary: fc.stringMatching(/^[!-~]{0,60}$/) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 4200 }).map((length) => "v".repeat(length)) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 300 }).map((length) => "\xf9".repeat(length)) },
);
const name = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 1, arbitrary: fc.stringMatching(/^x-[a-z0-9_.]{0,40}$/) },
);
const line = fc.record({
  name,
  value,
  form: fc.constantFrom("indexed", "indexed", "incremental", "plain", "never"),
  huffman: fc.boolean(),
  pick: fc.constantFrom(-1, 0, 0.5, 1),
});
const block = fc.record({
  resize: fc.option(fc.constantFrom(0, 31, 64, 300, 4096), { freq: 6 }),
  peerTable: fc.option(fc.constantFrom(0, 60, 200, 4096, 65_536), { freq: 6 }),
  lines: fc.array(line, { maxLength: 24 }),
});

describe("a connection's blocks", () => {
  it("mean the same behind our decoder and encoder, whatever their form and the tables' sizes", () => {
    const session = fc.array(block, { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(session, (blocks) => {
        const rig = makeRig();
        const limits = { maxTableOctets: 4096, maxListOctets: AREA_OCTETS };
        const peer = new ReferenceEncoder();
        const decoder = new HpackDecoder(rig.slab, rig.pool, limits);
        const encoder = new HpackEncoder(rig.slab, rig.pool);
        const server = new ReferenceDecoder();
        for (const { resize, peerTable, lines } of blocks) {
          const parts = resize === null ? [] : [peer.resize(resize)];
          for (const { name, value, form, huffman, pick } of lines) {
            parts.push(peer.field([name, value], form, huffman, pick));
          }
          const wire = Buffer.concat(parts);
          wire.copy(rig.slab.bytes, rig.input);
          const result = decoder.decode(rig.input, wire.length, BlockKind.trailers, rig.block, AREA_OCTETS);
          assert.equal(result, DecodeResult.ok);
          assert.equal(decoder.tableUsedOctets, peer.table.octets);
          const wanted = lines.map((each) => ({
            field: [each.name, each.value],
            never: each.form === "never",
          }));
          const passed = fieldsOf(rig, rig.block, decoder.outOctets);
          assert.deepEqual(
            passed.map((each) => each.field),
            wanted.map((each) => each.field),
          );
          if (peerTable !== null) encoder.setMaxTableOctets(peerTable);
          const end = encoder.encode(rig.block, decoder.outOctets, rig.output);
          assert.ok(end - rig.output <= encoder.encodedBound(decoder.outOctets, decoder.outLiteralOctets));
          releaseFields(rig.slab, rig.pool, rig.block, decoder.outOctets);
          // Foreign octets where the field block was: nothing may depend on them.
          rig.slab.bytes.fill(0xdb, rig.block, rig.block + decoder.outOctets);
          assert.deepEqual(server.decode(rig.slab.bytes.subarray(rig.output, end)), passed);
          assert.equal(encoder.tableUsedOctets, server.table.octets);
          const kept = server.table.fields.filter((field) => SECRET_NAMES.includes(field[0]));
          assert.deepEqual(kept, []);
          for (const [i, each] of wanted.entries()) if (each.never) assert.ok(passed[i]!.never);
        }
        decoder.free();
        encoder.free();
        assert.equal(rig.pool.entries, 0);
        assert.equal(rig.close(), 0);
      }),
      { numRuns: 150, seed: 7541 },
    );
  });

  it("may be kept, copied and encoded for several connections", () => {
    const rig = makeRig();
    const decoder = new HpackDecoder(rig.slab, rig.pool, { maxTableOctets: 4096, maxListOctets: 65_536 });
    const peer = new ReferenceEncoder();
    const fields: Field[] = [
      ["x-a", "1"],
      ["x-b", "2"],
      ["authorization", "Bearer x"],
    ];
    for (let round = 0; round < 2; round++) {
      const wire = Buffer.concat(fields.map((field) => peer.field(field, "indexed", true, 0)));
      wire.copy(rig.slab.bytes, rig.input);
      decoder.decode(rig.input, wire.length, BlockKind.trailers, rig.block, AREA_OCTETS);
      if (round === 0) releaseFields(rig.slab, rig.pool, rig.block, decoder.outOctets);
    }
    const copy = rig.block + 100_000;
    rig.slab.bytes.copyWithin(copy, rig.block, rig.block + decoder.outOctets);
    retainFields(rig.slab, rig.pool, copy, decoder.outOctets);
    releaseFields(rig.slab, rig.pool, rig.block, decoder.outOctets);
    decoder.free();
    assert.equal(rig.pool.entries, 2);
    for (let connection = 0; connection < 3; connection++) {
      const encoder = new HpackEncoder(rig.slab, rig.pool);
      const server = new ReferenceDecoder();
      for (let block = 0; block < 3; block++) {
        const end = encoder.encode(copy, decoder.outOctets, rig.output);
        const decoded = server.decode(rig.slab.bytes.subarray(rig.output, end));
        assert.deepEqual(
          decoded.map((entry) => entry.field),
          fields,
        );
      }
      encoder.free();
    }
    releaseFields(rig.slab, rig.pool, copy, decoder.outOctets);
    assert.equal(rig.pool.entries, 0);
    assert.equal(rig.close(), 0);
  });

  it("can be any octets: no exception, no leak, and what passes is what every decoder reads", () => {
    const random = seeded(9113);
    const below = (limit: number): number => Math.floor(random() * limit);
    const rig = makeRig();
    const limits = { maxTableOctets: 4096, maxListOctets: 16_384 };
    let decoder = new HpackDecoder(rig.slab, rig.pool, limits);
    let peer = new ReferenceEncoder();
    let guide = new ReferenceDecoder();
    const encoder = new HpackEncoder(rig.slab, rig.pool);
    const server = new ReferenceDecoder();
    const results = [0, 0, 0, 0, 0];
    for (let i = 0; i < 20_000; i++) {
      let wire = randomBlock(peer, below, random);
      const mutations = below(4) === 0 ? 1 + below(3) : 0;
      for (let k = 0; k < mutations && wire.length > 0; k++) wire[below(wire.length)] = below(256);
      if (below(20) === 0) wire = wire.subarray(0, below(wire.length + 1));
      if (below(50) === 0) wire = Buffer.from(Array.from({ length: below(60) }, () => below(256)));
      const kind = (below(4) === 0 ? below(2) : 2) as BlockKind;
      wire.copy(rig.slab.bytes, rig.input);
      const result = decoder.decode(rig.input, wire.length, kind, rig.block, AREA_OCTETS);
      results[result]!++;
      let wanted: ReturnType<typeof guide.decode> | undefined;
      try {
        wanted = guide.decode(wire);
      } catch {
        assert.equal(result, DecodeResult.compressionError);
      }
      if (result === DecodeResult.ok) {
        const passed = fieldsOf(rig, rig.block, decoder.outOctets);
        const end = encoder.encode(rig.block, decoder.outOctets, rig.output);
        assert.deepEqual(server.decode(rig.slab.bytes.subarray(rig.output, end)), passed);
        if (kind !== BlockKind.request) {
          assert.deepEqual(
            passed.map((entry) => entry.field),
            wanted?.map((entry) => entry.field),
          );
        }
        releaseFields(rig.slab, rig.pool, rig.block, decoder.outOctets);
      }
      if (result === DecodeResult.compressionError || mutations > 0 || below(20) === 0) {
        decoder.free();
        decoder = new HpackDecoder(rig.slab, rig.pool, limits);
        peer = new ReferenceEncoder();
        guide = new ReferenceDecoder();
      } else assert.equal(decoder.tableUsedOctets, guide.table.octets);
    }
    for (const result of [0, 1, 2, 3]) assert.ok(results[result]! > 50, `results were ${results}`);
    decoder.free();
    encoder.free();
    assert.equal(rig.pool.entries, 0);
    assert.equal(rig.close(), 0);
  });
});

function randomBlock(peer: ReferenceEncoder, below: (limit: number) => number, random: () => number): Buffer {
  const forms = ["indexed", "incremental", "plain", "never"] as const;
  const parts = below(30) === 0 ? [integer(0x20, 5, below(4096))] : [];
  if (parts.length > 0) parts[0] = peer.resize(below(4096));
  for (let count = below(8); count > 0; count--) {
    const name = below(12) === 0 ? `x${below(1000)}` : NAMES[below(NAMES.length)]!;
    const length = below(60) === 0 ? below(20_000) : below(12);
    const value = below(2) === 0 ? `${below(4)}` : "y".repeat(length);
    parts.push(peer.field([name, value], forms[below(4)]!, below(2) === 0, random() * 1.5 - 0.5));
  }
  return Buffer.concat(parts);
}
