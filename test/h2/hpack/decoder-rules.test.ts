import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BlockKind } from "../../../src/h2/hpack/block-kind.ts";
import { DecodeResult } from "../../../src/h2/hpack/decode-result.ts";
import { HpackDecoder } from "../../../src/h2/hpack/decoder.ts";
import { PUSHBACK_NEVER } from "../../../src/h2/hpack/field-value.ts";
import { releaseFields } from "../../../src/h2/hpack/release-fields.ts";
import type { Field, Form } from "./reference.ts";
import { AREA_OCTETS, makeRig, ReferenceEncoder } from "./reference.ts";

const METHOD: Field = [":method", "POST"];
const SCHEME: Field = [":scheme", "http"];
const PATH: Field = [":path", "/echo.Echo/Unary"];
const AUTHORITY: Field = [":authority", "echo:50051"];
const REQUEST = [METHOD, SCHEME, PATH, AUTHORITY];
const OK: Field = [":status", "200"];

const { request, response, trailers } = BlockKind;

const MALFORMED: readonly [title: string, kind: BlockKind, fields: readonly Field[]][] = [
  ["an empty name", request, [...REQUEST, ["", "x"]]],
  ["an upper-case name", request, [...REQUEST, ["X-Upper", "x"]]],
  ["a long upper-case name", request, [...REQUEST, [`${"x".repeat(40)}X`, "x"]]],
  ["a name with a blank", request, [...REQUEST, ["x y", "x"]]],
  ["a name with a colon", request, [...REQUEST, ["x:y", "x"]]],
  ["a name with an octet above 0x7f", request, [...REQUEST, ["x\xe4", "x"]]],
  ["a value with NUL", request, [...REQUEST, ["x", "a\0b"]]],
  ["a value with CR", request, [...REQUEST, ["x", "a\rb"]]],
  ["a value with LF", response, [OK, ["x", "a\nb"]]],
  ["a value with DEL", trailers, [["x", "a\x7fb"]]],
  ["a value with another control", trailers, [["x", "a\x01b"]]],
  ["a value with a blank in front", request, [...REQUEST, ["x", " a"]]],
  ["a value with a tab at the end", request, [...REQUEST, ["x", "a b\t"]]],
  ["a value that is a blank", request, [...REQUEST, ["x", " "]]],
  ["a pseudo-header after a field", request, [METHOD, SCHEME, PATH, ["x", "y"], AUTHORITY]],
  ["a pseudo-header twice", request, [...REQUEST, PATH]],
  ["an unknown pseudo-header", request, [...REQUEST, [":other", "x"]]],
  [":protocol, which was not announced", request, [...REQUEST, [":protocol", "websocket"]]],
  [":status in a request", request, [...REQUEST, OK]],
  [":path in a response", response, [OK, PATH]],
  [":method in trailers", trailers, [METHOD]],
  [":status in trailers", trailers, [OK]],
  ["no :method", request, [SCHEME, PATH, AUTHORITY]],
  ["no :scheme", request, [METHOD, PATH, AUTHORITY]],
  ["no :path", request, [METHOD, SCHEME, AUTHORITY]],
  ["an empty :path", request, [METHOD, SCHEME, [":path", ""], AUTHORITY]],
  ["a :path with a blank", request, [METHOD, SCHEME, [":path", "/a b"], AUTHORITY]],
  ["an :authority with a blank", request, [METHOD, SCHEME, PATH, [":authority", "a b"]]],
  ["an empty :method", request, [[":method", ""], SCHEME, PATH, AUTHORITY]],
  ["a :method that is no token", request, [[":method", "PO ST"], SCHEME, PATH, AUTHORITY]],
  ["a :scheme that is none", request, [METHOD, [":scheme", "1http"], PATH, AUTHORITY]],
  ["CONNECT with :path", request, [[":method", "CONNECT"], PATH, AUTHORITY]],
  ["CONNECT with :scheme", request, [[":method", "CONNECT"], SCHEME, AUTHORITY]],
  ["CONNECT without :authority", request, [[":method", "CONNECT"]]],
  ["no :status", response, [["x", "y"]]],
  ["an empty response", response, []],
  ["an empty request", request, []],
  ["a :status of two digits", response, [[":status", "99"]]],
  ["a :status of four digits", response, [[":status", "0200"]]],
  ["a :status that is no number", response, [[":status", "2xx"]]],
  ["a :status of 600", response, [[":status", "600"]]],
  ["a :status of 099", response, [[":status", "099"]]],
  ["a :status of 101", response, [[":status", "101"]]],
  ["connection", request, [...REQUEST, ["connection", "x"]]],
  ["keep-alive", response, [OK, ["keep-alive", "x"]]],
  ["proxy-connection", request, [...REQUEST, ["proxy-connection", "x"]]],
  ["transfer-encoding", response, [OK, ["transfer-encoding", "chunked"]]],
  ["upgrade", trailers, [["upgrade", "h2c"]]],
  ["te other than trailers", request, [...REQUEST, ["te", "trailers, deflate"]]],
  ["an empty te", request, [...REQUEST, ["te", ""]]],
  ["a content-length that is no number", request, [...REQUEST, ["content-length", "1a"]]],
  ["a negative content-length", request, [...REQUEST, ["content-length", "-1"]]],
  ["an empty content-length", response, [OK, ["content-length", ""]]],
  ["a content-length list", response, [OK, ["content-length", "5, 5"]]],
  ["a content-length of many digits", response, [OK, ["content-length", "1".repeat(16)]]],
  ["two content-lengths", response, [OK, ["content-length", "5"], ["content-length", "6"]]],
  [
    "two large content-lengths",
    response,
    [OK, ["content-length", "5000000000"], ["content-length", "6000000000"]],
  ],
  ["a grpc-timeout without a unit", request, [...REQUEST, ["grpc-timeout", "100"]]],
  ["a grpc-timeout with an unknown unit", request, [...REQUEST, ["grpc-timeout", "1s"]]],
  ["a grpc-timeout of nine digits", request, [...REQUEST, ["grpc-timeout", "123456789m"]]],
  ["a grpc-timeout without digits", request, [...REQUEST, ["grpc-timeout", "m"]]],
  ["an empty grpc-timeout", request, [...REQUEST, ["grpc-timeout", ""]]],
  ["two grpc-timeouts", request, [...REQUEST, ["grpc-timeout", "1m"], ["grpc-timeout", "1m"]]],
];

const VALID: readonly [title: string, kind: BlockKind, fields: readonly Field[]][] = [
  ["host beside :authority", request, [...REQUEST, ["host", "other"]]],
  ["no :authority", request, [METHOD, SCHEME, PATH]],
  ["CONNECT with :authority", request, [[":method", "CONNECT"], AUTHORITY]],
  ["empty trailers", trailers, []],
  ["an empty value", trailers, [["x", ""]]],
  ["blanks inside a value", trailers, [["x", "a b\tc"]]],
  ["octets above 0x7f in a value", trailers, [["x", "\xe4\xff"]]],
  ["all marks a name may have", trailers, [["!#$%&'*+-.^_`|~09az", "x"]]],
  ["te: trailers", request, [...REQUEST, ["te", "trailers"]]],
  ["an informational response", response, [[":status", "103"]]],
  ["a content-length twice, but the same", response, [OK, ["content-length", "5"], ["content-length", "5"]]],
  ["grpc-timeout where it means nothing", trailers, [["grpc-timeout", "nonsense"]]],
];

/** Ways to say the same: literal once, literal names, by index in the block after. */
const FORMS: readonly [form: Form, huffman: boolean, pick: number][] = [
  ["plain", false, -1],
  ["plain", true, -1],
  ["never", true, 0],
  ["plain", false, 0],
  ["incremental", true, -1],
  ["indexed", false, 0],
  ["indexed", true, 1],
];

describe("a header section", () => {
  for (const [title, kind, fields] of MALFORMED) {
    it(`is malformed with ${title}`, () => judge(kind, fields, DecodeResult.malformed));
  }
  for (const [title, kind, fields] of VALID) {
    it(`is valid with ${title}`, () => judge(kind, fields, DecodeResult.ok));
  }

  it("is too large when names, values and 32 for each field exceed the limit", () => {
    const fields: Field[] = [...REQUEST, ["x", "y".repeat(500)]];
    const size = fields.reduce((sum, field) => sum + field[0].length + field[1].length + 32, 0);
    judge(request, fields, DecodeResult.ok, size);
    judge(request, fields, DecodeResult.listTooLarge, size - 1);
    judge(request, fields, DecodeResult.listTooLarge, size - 533);
  });
});

describe("what gRPC says of further attempts", () => {
  const told = (kind: BlockKind, fields: readonly Field[]): HpackDecoder => {
    const rig = makeRig();
    const decoder = new HpackDecoder(rig.slab, rig.pool, { maxTableOctets: 4096, maxListOctets: 65_536 });
    const encoder = new ReferenceEncoder();
    for (const [form, huffman, pick] of FORMS) {
      const block = Buffer.concat(fields.map((field) => encoder.field(field, form, huffman, pick)));
      block.copy(rig.slab.bytes, rig.input);
      assert.equal(decoder.decode(rig.input, block.length, kind, rig.block, AREA_OCTETS), DecodeResult.ok);
    }
    return decoder;
  };

  it("is read from answers: how long to wait, or not to come back", () => {
    const { retryPushbackMs } = told(trailers, [["grpc-status", "14"]]);
    assert.equal(retryPushbackMs, -1);
    for (const [text, wanted] of [
      ["0", 0],
      ["1500", 1500],
      ["999999999", 999_999_999],
      ["-1", PUSHBACK_NEVER],
      ["1.5", PUSHBACK_NEVER],
      ["", PUSHBACK_NEVER],
      ["1000000000", PUSHBACK_NEVER],
    ] as const) {
      assert.equal(told(trailers, [["grpc-retry-pushback-ms", text]]).retryPushbackMs, wanted, text);
    }
    assert.equal(told(request, [...REQUEST, ["grpc-retry-pushback-ms", "7"]]).retryPushbackMs, -1);
  });

  it("is taken out of requests, which get a count of their own", () => {
    for (const [text, wanted] of [
      ["0", 0],
      ["3", 3],
      ["-1", 0],
      ["x", 0],
    ] as const) {
      const decoder = told(request, [...REQUEST, ["grpc-previous-rpc-attempts", text]]);
      assert.equal(decoder.previousAttempts, wanted, text);
      assert.equal(decoder.outOctets, told(request, REQUEST).outOctets, "the field is not passed on");
    }
  });
});

describe("the trace of a request", () => {
  const TEXT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

  /** @returns what each form's decoder says the field is, on its first and on its second coming; undefined for none. */
  const seen = (fields: readonly Field[], kind: BlockKind = request): (string | undefined)[] =>
    FORMS.flatMap(([form, huffman, pick]) => {
      const rig = makeRig();
      const decoder = new HpackDecoder(rig.slab, rig.pool, { maxTableOctets: 4096, maxListOctets: 65_536 });
      const encoder = new ReferenceEncoder();
      return [1, 2, 3].map(() => {
        const block = Buffer.concat(fields.map((field) => encoder.field(field, form, huffman, pick)));
        block.copy(rig.slab.bytes, rig.input);
        assert.equal(decoder.decode(rig.input, block.length, kind, rig.block, AREA_OCTETS), DecodeResult.ok);
        const { traceparentLength } = decoder;
        const length = traceparentLength < 0 ? -1 : decoder.readTraceparent(rig.pool.scratch);
        assert.equal(length, traceparentLength);
        const { scratch } = rig.pool;
        const text = length < 0 ? undefined : rig.slab.bytes.toString("latin1", scratch, scratch + length);
        releaseFields(rig.slab, rig.pool, rig.block, decoder.outOctets);
        return text;
      });
    });

  it("is found in whatever form it comes, and passed on", () => {
    assert.deepEqual([...new Set(seen([...REQUEST, ["traceparent", TEXT]]))], [TEXT]);
    assert.deepEqual([...new Set(seen([...REQUEST, ["traceparent", ""]]))], [""]);
    const rig = makeRig();
    const decoder = new HpackDecoder(rig.slab, rig.pool, { maxTableOctets: 4096, maxListOctets: 65_536 });
    const encoder = new ReferenceEncoder();
    const fields: Field[] = [...REQUEST, ["traceparent", TEXT]];
    const block = Buffer.concat(fields.map((field) => encoder.field(field, "incremental", false, -1)));
    block.copy(rig.slab.bytes, rig.input);
    decoder.decode(rig.input, block.length, request, rig.block, AREA_OCTETS);
    const passed = rig.slab.bytes.toString("latin1", rig.block, rig.block + decoder.outOctets);
    assert.ok(passed.includes("traceparent") && passed.includes(TEXT));
  });

  it("is none where there is none, where there are two, and in answers", () => {
    assert.deepEqual([...new Set(seen(REQUEST))], [undefined]);
    const two: Field[] = [
      ["traceparent", TEXT],
      ["traceparent", TEXT],
    ];
    assert.deepEqual([...new Set(seen([...REQUEST, ...two]))], [undefined]);
    assert.deepEqual([...new Set(seen([["traceparent", TEXT]], trailers))], [undefined]);
  });
});

/** Every form, each block twice on one connection, and a good block after: the table must be in sync. */
function judge(
  kind: BlockKind,
  fields: readonly Field[],
  wanted: DecodeResult,
  maxListOctets = 65_536,
): void {
  for (const [form, huffman, pick] of FORMS) {
    const rig = makeRig();
    const decoder = new HpackDecoder(rig.slab, rig.pool, { maxTableOctets: 4096, maxListOctets });
    const encoder = new ReferenceEncoder();
    const decode = (block: Buffer, blockKind: BlockKind): DecodeResult => {
      block.copy(rig.slab.bytes, rig.input);
      return decoder.decode(rig.input, block.length, blockKind, rig.block, AREA_OCTETS);
    };
    for (let round = 0; round < 3; round++) {
      const block = Buffer.concat(fields.map((field) => encoder.field(field, form, huffman, pick)));
      assert.equal(decode(block, kind), wanted, `${form}, huffman ${huffman}, pick ${pick}, round ${round}`);
      if (wanted === DecodeResult.ok) releaseFields(rig.slab, rig.pool, rig.block, decoder.outOctets);
    }
    const probe = encoder.field(["x-probe", `value of ${form}`], "incremental", true, -1);
    assert.equal(decode(probe, trailers), DecodeResult.ok);
    assert.equal(decoder.tableEntries, encoder.table.fields.length);
    decoder.free();
    assert.equal(rig.pool.entries, 0);
    assert.equal(rig.close(), 0);
  }
}
