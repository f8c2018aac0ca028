import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BlockKind } from "../../../src/h2/hpack/block-kind.ts";
import { DecodeResult } from "../../../src/h2/hpack/decode-result.ts";
import { HpackDecoder } from "../../../src/h2/hpack/decoder.ts";
import { FieldRole } from "../../../src/h2/hpack/field-role.ts";
import { releaseFields } from "../../../src/h2/hpack/release-fields.ts";
import { removeFields } from "../../../src/h2/hpack/remove-fields.ts";
import type { Field, Form } from "./reference.ts";
import { AREA_OCTETS, fieldsOf, makeRig, ReferenceEncoder } from "./reference.ts";

const REPORT: Field = ["endpoint-load-metrics-bin", "CQAAAAAAAOA/"];
const TEXT: Field = ["endpoint-load-metrics", "TEXT eps=1"];
const STATUS: Field = ["grpc-status", "0"];
const OTHER: Field = ["x-other", "endpoint-load-metrics-bin"];

describe("removeFields", () => {
  for (const form of ["plain", "incremental", "never"] satisfies Form[]) {
    for (const huffman of [false, true]) {
      it(`takes reports out wherever they stand: ${form}${huffman ? ", Huffman-coded" : ""}`, () => {
        const rig = makeRig();
        const decoder = new HpackDecoder(rig.slab, rig.pool, { maxTableOctets: 4096, maxListOctets: 65_536 });
        const encoder = new ReferenceEncoder();
        for (const fields of [[REPORT, STATUS], [STATUS, REPORT, OTHER, TEXT], [REPORT], [STATUS, OTHER]]) {
          // The second time a field that is in the table is interned.
          for (const written of [form, "indexed", "indexed"] satisfies Form[]) {
            const block = Buffer.concat(fields.map((field) => encoder.field(field, written, huffman, 1)));
            rig.slab.bytes.set(block, rig.input);
            const result = decoder.decode(
              rig.input,
              block.length,
              BlockKind.trailers,
              rig.block,
              AREA_OCTETS,
            );
            assert.equal(result, DecodeResult.ok);
            const reports = fields.filter((field) => field === REPORT || field === TEXT);
            assert.equal(decoder.loadReports, reports.length);
            const octets = removeFields(
              rig.slab,
              rig.pool,
              rig.block,
              decoder.outOctets,
              FieldRole.loadReportBinary,
              FieldRole.loadReportText,
            );
            assert.deepEqual(
              fieldsOf(rig, rig.block, octets).map(({ field }) => field),
              fields.filter((field) => field === STATUS || field === OTHER),
            );
            releaseFields(rig.slab, rig.pool, rig.block, octets);
          }
        }
        decoder.free();
        assert.equal(rig.pool.entries, 0);
        assert.equal(rig.close(), 0);
      });
    }
  }
});

describe("a decoder", () => {
  it("finds a report's value in answers, and a client's wish for it in requests", () => {
    const rig = makeRig();
    const decoder = new HpackDecoder(rig.slab, rig.pool, { maxTableOctets: 4096, maxListOctets: 65_536 });
    const encoder = new ReferenceEncoder();
    const decode = (kind: BlockKind, fields: readonly Field[]): void => {
      const block = Buffer.concat(fields.map((field) => encoder.field(field, "plain", true, -1)));
      rig.slab.bytes.set(block, rig.input);
      const result = decoder.decode(rig.input, block.length, kind, rig.block, AREA_OCTETS);
      assert.equal(result, DecodeResult.ok);
    };
    decode(BlockKind.trailers, [STATUS, REPORT]);
    assert.equal(decoder.loadReportIsBinary, true);
    assert.equal(decoder.loadReportLength, REPORT[1].length);
    const length = decoder.readLoadReport(rig.output);
    assert.equal(rig.slab.bytes.toString("latin1", rig.output, rig.output + length), REPORT[1]);
    const request: readonly Field[] = [
      [":method", "POST"],
      [":scheme", "http"],
      [":path", "/a"],
      [":authority", "b"],
    ];
    decode(BlockKind.request, [...request, ["endpoint-load-metrics-format", "TEXT"], REPORT]);
    assert.equal(decoder.wantsLoadReport, true);
    assert.equal(decoder.loadReports, 0);
    decode(BlockKind.request, request);
    assert.equal(decoder.wantsLoadReport, false);
    decoder.free();
    rig.close();
  });
});
