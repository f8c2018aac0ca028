import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BlockKind } from "../../../src/h2/hpack/block-kind.ts";
import { DecodeResult } from "../../../src/h2/hpack/decode-result.ts";
import { HpackDecoder } from "../../../src/h2/hpack/decoder.ts";
import { MethodCode } from "../../../src/h2/hpack/method-code.ts";
import { releaseFields } from "../../../src/h2/hpack/release-fields.ts";
import type { Field, Form } from "./reference.ts";
import { AREA_OCTETS, fieldsOf, integer, makeRig, ReferenceEncoder, string } from "./reference.ts";

const { request, response, trailers } = BlockKind;
const { ok, malformed, listTooLarge, compressionError, noMemory } = DecodeResult;

const REQUEST: readonly Field[] = [
  [":method", "POST"],
  [":scheme", "https"],
  [":path", "/echo.Echo/Unary"],
  [":authority", "echo:50051"],
];

/** A decoder with a reference encoder before it. */
function setUp(options: { maxTableOctets?: number; maxListOctets?: number; maxEntries?: number } = {}) {
  const rig = makeRig(options.maxEntries === undefined ? {} : { maxEntries: options.maxEntries });
  const limits = {
    maxTableOctets: options.maxTableOctets ?? 4096,
    maxListOctets: options.maxListOctets ?? 65_536,
  };
  const decoder = new HpackDecoder(rig.slab, rig.pool, limits);
  const encoder = new ReferenceEncoder();
  const decode = (block: Buffer, kind: BlockKind = trailers): DecodeResult => {
    block.copy(rig.slab.bytes, rig.input);
    return decoder.decode(rig.input, block.length, kind, rig.block, AREA_OCTETS);
  };
  const encode = (fields: readonly Field[], form: Form = "incremental", huffman = true, pick = 0): Buffer =>
    Buffer.concat(fields.map((field) => encoder.field(field, form, huffman, pick)));
  const release = (): void => releaseFields(rig.slab, rig.pool, rig.block, decoder.outOctets);
  const end = (): void => {
    decoder.free();
    assert.equal(rig.pool.entries, 0);
    assert.equal(rig.close(), 0);
  };
  return { rig, decoder, decode, encode, release, end };
}

function text(rig: ReturnType<typeof makeRig>, length: number): string {
  return rig.slab.bytes.toString("latin1", rig.output, rig.output + length);
}

describe("HpackDecoder", () => {
  for (const [form, huffman, pick] of [
    ["plain", false, -1],
    ["plain", true, -1],
    ["never", false, 0],
    ["incremental", true, 0],
    ["indexed", true, 0],
  ] as const) {
    it(`tells what a request says, in the form ${form}, huffman ${huffman}, names ${pick < 0 ? "literal" : "indexed"}`, () => {
      const { rig, decoder, decode, encode, release, end } = setUp();
      const fields: Field[] = [
        ...REQUEST,
        ["content-type", "application/grpc+proto"],
        ["te", "trailers"],
        ["grpc-timeout", "2500u"],
        ["content-length", "17"],
        ["x", "y"],
      ];
      for (let round = 0; round < 3; round++) {
        assert.equal(decode(encode(fields, form, huffman, pick), request), ok);
        assert.equal(decoder.methodCode, MethodCode.post);
        assert.equal(decoder.timeoutMs, 2.5);
        assert.equal(decoder.contentLength, 17);
        assert.equal(decoder.isGrpc, true);
        assert.equal(decoder.teTrailers, true);
        assert.equal(decoder.hasAuthority, true);
        assert.equal(decoder.authorityLength, 10);
        assert.equal(text(rig, decoder.readAuthority(rig.output)), "echo:50051");
        assert.equal(decoder.pathLength, 16);
        assert.equal(text(rig, decoder.readPath(rig.output)), "/echo.Echo/Unary");
        assert.equal(decoder.status, 0);
        assert.equal(decoder.grpcStatus, -1);
        assert.equal(decoder.fieldCount, 9);
        const isInterned = form === "indexed" && round > 0;
        assert.equal(decoder.pathIntern > 0, isInterned);
        assert.equal(decoder.authorityIntern > 0, isInterned);
        const passed = fieldsOf(rig, rig.block, decoder.outOctets).map((entry) => entry.field);
        assert.deepEqual(
          passed,
          fields.filter(([name]) => name !== "grpc-timeout"),
        );
        release();
      }
      end();
    });
  }

  it("tells what a response and trailers say", () => {
    const { rig, decoder, decode, encode, release, end } = setUp();
    const large: Field = ["content-length", "5000000000"];
    assert.equal(decode(encode([[":status", "429"], ["content-type", "text/html"], large]), response), ok);
    assert.deepEqual(
      [decoder.status, decoder.isGrpc, decoder.contentLength, decoder.methodCode],
      [429, false, 5e9, MethodCode.none],
    );
    release();
    for (let round = 0; round < 3; round++) {
      const fields: Field[] = [
        ["grpc-status", "14"],
        ["grpc-message", "try%20again"],
      ];
      assert.equal(decode(encode(fields, "indexed")), ok);
      assert.equal(decoder.grpcStatus, 14);
      assert.equal(decoder.grpcMessageLength, 11);
      assert.equal(text(rig, decoder.readGrpcMessage(rig.output)), "try%20again");
      assert.deepEqual([decoder.status, decoder.contentLength], [0, -1]);
      release();
    }
    assert.equal(decode(encode([["grpc-status", "none"]])), ok);
    assert.equal(decoder.grpcStatus, 2);
    release();
    end();
  });

  it("takes host for the authority only when there is no other", () => {
    const { rig, decoder, decode, encode, release, end } = setUp();
    const hosts: Field[] = [
      ["host", "from-host"],
      ["host", "second"],
    ];
    assert.equal(decode(encode([...REQUEST, ...hosts]), request), ok);
    assert.equal(text(rig, decoder.readAuthority(rig.output)), "echo:50051");
    release();
    assert.equal(decode(encode([...REQUEST.slice(0, 3), ...hosts]), request), ok);
    assert.equal(text(rig, decoder.readAuthority(rig.output)), "from-host");
    release();
    assert.equal(decode(encode(REQUEST.slice(0, 3)), request), ok);
    assert.deepEqual([decoder.hasAuthority, decoder.readAuthority(rig.output)], [false, 0]);
    release();
    end();
  });

  it("reads a path that is a static field", () => {
    const { rig, decoder, decode, release, end } = setUp();
    assert.equal(decode(Buffer.from([0x82, 0x86, 0x85, 0x81]), request), ok);
    assert.equal(decoder.methodCode, MethodCode.get);
    assert.equal(text(rig, decoder.readPath(rig.output)), "/index.html");
    assert.deepEqual([decoder.pathLength, decoder.hasAuthority, decoder.authorityLength], [11, true, 0]);
    release();
    end();
  });

  it("knows content types of gRPC", () => {
    const { decoder, decode, encode, release, end } = setUp();
    for (const [type, isGrpc] of [
      ["application/grpc", true],
      ["application/grpc;charset=utf-8", true],
      ["Application/GRPC+json", true],
      ["application/grpc-web", false],
      ["application/grpcx", false],
      ["application/grp", false],
      ["", false],
      [`application/grpc;${"x".repeat(400)}`, false],
    ] as const) {
      assert.equal(decode(encode([...REQUEST, ["content-type", type]]), request), ok);
      assert.equal(decoder.isGrpc, isGrpc, type.slice(0, 40));
      release();
    }
    end();
  });

  it("reads every unit of grpc-timeout", () => {
    const { decoder, decode, encode, release, end } = setUp();
    for (const [value, wanted] of [
      ["1n", 1e-6],
      ["99999999u", 99_999.999],
      ["250m", 250],
      ["0m", 0],
      ["7S", 7000],
      ["2M", 120_000],
      ["99999999H", 99_999_999 * 3_600_000],
    ] as const) {
      assert.equal(decode(encode([...REQUEST, ["grpc-timeout", value]]), request), ok);
      assert.equal(decoder.timeoutMs, wanted);
      release();
    }
    end();
  });

  it("interns what is referred to by index, and only that", () => {
    const { rig, decoder, decode, encode, release, end } = setUp();
    const fields: Field[] = [
      ["x-tenant", "acme"],
      ["traceparent", "00-1"],
    ];
    assert.equal(decode(encode(fields)), ok);
    assert.equal(rig.pool.entries, 0);
    release();
    assert.equal(decode(encode([["x-tenant", "acme"]], "indexed")), ok);
    assert.equal(rig.pool.entries, 1);
    assert.equal(rig.pool.references(1), 2);
    assert.equal(decoder.outLiteralOctets, rig.pool.literalOctets[1]);
    release();
    assert.equal(rig.pool.references(1), 1);
    assert.equal(decode(encode([["x-tenant", "acme"]], "plain")), ok);
    assert.equal(rig.pool.references(1), 1);
    release();
    end();
  });

  it("never interns credentials", () => {
    const { rig, decode, encode, release, end } = setUp();
    const secrets: Field[] = [
      ["authorization", "Bearer x"],
      ["cookie", "a=b"],
      ["set-cookie", "a=b"],
      ["proxy-authorization", "Basic x"],
      ["x-api-key", "123"],
    ];
    for (let round = 0; round < 3; round++) {
      assert.equal(decode(encode(secrets, "indexed")), ok);
      assert.equal(rig.pool.entries, 0);
      assert.equal(fieldsOf(rig, rig.block, 1).length, 1);
      release();
    }
    end();
  });

  it("passes fields on as literals while the pool is full, and interns them later", () => {
    const { rig, decode, encode, release, end } = setUp({ maxEntries: 1 });
    const fields: Field[] = [
      ["x-a", "1"],
      ["x-b", "2"],
    ];
    for (let round = 0; round < 100; round++) {
      assert.equal(decode(encode(fields, "indexed")), ok);
      release();
      assert.ok(rig.pool.entries <= 1);
    }
    end();
  });

  it("keeps nothing of a malformed or too large section", () => {
    const { rig, decode, encode, release, end } = setUp({ maxListOctets: 400 });
    const fields: Field[] = [
      ["x-a", "1"],
      ["x-b", "2"],
    ];
    for (let round = 0; round < 3; round++) {
      assert.equal(decode(encode(fields, "indexed")), ok);
      release();
    }
    const before = [rig.pool.references(1), rig.pool.references(2)];
    assert.equal(decode(encode([...fields, ["Bad", "x"]], "indexed")), malformed);
    assert.equal(decode(encode([...fields, ["x-c", "x".repeat(400)]], "indexed")), listTooLarge);
    assert.equal(decode(encode([["x-d", "4"], ...fields], "indexed")), ok);
    release();
    assert.deepEqual([rig.pool.references(1), rig.pool.references(2)], before);
    end();
  });

  it("calls a section too large that does not fit the output, and stays in sync", () => {
    const { rig, decoder, encode, end } = setUp();
    const decodeTo = (block: Buffer, capacity: number): DecodeResult => {
      block.copy(rig.slab.bytes, rig.input);
      return decoder.decode(rig.input, block.length, trailers, rig.block, capacity);
    };
    const large: Field = ["x-large", "\xff".repeat(1000)];
    assert.equal(decodeTo(encode([large, ["x-b", "2"]]), 6000), ok);
    const many = Array.from({ length: 10 }, (): Field => ["cookie", "\xff".repeat(1000)]);
    assert.equal(decodeTo(encode(many, "indexed"), 10_000), listTooLarge);
    assert.equal(decodeTo(encode([large], "indexed"), 10_000), ok);
    releaseFields(rig.slab, rig.pool, rig.block, decoder.outOctets);
    assert.equal(decodeTo(encode([["x-c", "3"]], "incremental"), 1), noMemory);
    end();
  });

  const broken: readonly [title: string, block: Buffer][] = [
    ["index 0", Buffer.from([0x80])],
    ["an index beyond the table", Buffer.from([0xbe])],
    ["a name index beyond the table", Buffer.from([0x7e, 0x00])],
    ["an index cut off", Buffer.from([0xff, 0x80])],
    ["an index of six octets", Buffer.from([0xff, 0x80, 0x80, 0x80, 0x80, 0x00])],
    ["an index above the limit", Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])],
    ["a name cut off", Buffer.from([0x40, 0x05, 0x61])],
    ["a value that is missing", Buffer.from([0x40, 0x01, 0x61])],
    ["a value cut off", Buffer.from([0x40, 0x01, 0x61, 0x05, 0x61])],
    ["a string length above the limit", Buffer.from([0x40, 0x7f, 0xff, 0xff, 0xff, 0xff, 0x7f])],
    ["Huffman padding of zeros", Buffer.from([0x40, 0x01, 0x61, 0x81, 0x18])],
    ["Huffman padding of eight bits", Buffer.from([0x40, 0x01, 0x61, 0x82, 0x1f, 0xff])],
    ["Huffman padding alone", Buffer.from([0x40, 0x01, 0x61, 0x81, 0xff])],
    ["Huffman EOS", Buffer.from([0x40, 0x01, 0x61, 0x84, 0xff, 0xff, 0xff, 0xff])],
    [
      "Huffman EOS after a symbol",
      Buffer.concat([Buffer.from([0x40, 0x01, 0x61, 0x85, 0x1f]), Buffer.alloc(4, 0xff)]),
    ],
    ["a bad Huffman name", Buffer.from([0x40, 0x81, 0x00, 0x01, 0x61])],
    ["a size update after a field", Buffer.from([0x88, 0x20])],
    ["a size update above the setting", Buffer.from([0x3f, 0xe2, 0x1f])],
    ["a size update cut off", Buffer.from([0x3f])],
  ];
  for (const [title, block] of broken) {
    it(`ends the connection at ${title}`, () => {
      const { rig, decode, encode, release, end } = setUp();
      for (let round = 0; round < 2; round++) {
        assert.equal(decode(encode([["x-a", "1"]], "indexed")), ok);
        release();
      }
      // What was interned before the error in the same block must not stay referenced.
      const references = rig.pool.references(1);
      const inner = setUp();
      assert.equal(inner.decode(Buffer.concat([Buffer.from([0x88]), block])), compressionError);
      inner.end();
      const isUpdate = (block[0]! & 0xe0) === 0x20;
      const first = isUpdate || title.includes("beyond") ? Buffer.alloc(0) : Buffer.from([0xbe]);
      assert.equal(
        title.includes("beyond") ? compressionError : decode(Buffer.concat([first, block])),
        compressionError,
      );
      assert.equal(rig.pool.references(1), references);
      end();
    });
  }

  it("follows size updates at a block's start, several too", () => {
    const { decoder, decode, encode, release, end } = setUp();
    assert.equal(
      decode(
        encode([
          ["x-a", "1"],
          ["x-b", "2"],
        ]),
      ),
      ok,
    );
    release();
    assert.equal(decode(Buffer.concat([integer(0x20, 5, 40), integer(0x20, 5, 4096)])), ok);
    assert.equal(decoder.tableEntries, 1);
    assert.equal(decode(integer(0x20, 5, 0)), ok);
    assert.equal(decoder.tableEntries, 0);
    end();
  });

  it("insists on a size update after a smaller setting", () => {
    const { decoder, decode, release, end } = setUp();
    decoder.setMaxTableOctets(100);
    assert.equal(decode(integer(0x20, 5, 100)), ok);
    decoder.setMaxTableOctets(50);
    assert.equal(decode(Buffer.from([0x88])), compressionError);
    release();
    end();
  });

  it("empties the table at an entry larger than it, whose name it may come from", () => {
    const { decoder, decode, encode, release, end } = setUp({ maxTableOctets: 100 });
    assert.equal(decode(Buffer.concat([integer(0x20, 5, 100), encode([["x-name", "1"]])])), ok);
    release();
    const block = Buffer.concat([Buffer.from([0x7e]), string("v".repeat(200), false)]);
    assert.equal(decode(block), ok);
    release();
    assert.equal(decoder.tableEntries, 0);
    end();
  });

  it("costs no slab memory before its first entry, and little after", () => {
    const { rig, decoder, decode, encode, release, end } = setUp();
    const idle = rig.slab.usedOctets;
    assert.equal(decode(encode([["x-a", "1"]], "plain")), ok);
    assert.equal(rig.slab.usedOctets, idle);
    release();
    const typical = Array.from({ length: 10 }, (_, i): Field => [`x-${i}`, `value ${i}`]);
    assert.equal(decode(encode(typical)), ok);
    assert.equal(rig.slab.usedOctets - idle, 1024);
    release();
    assert.equal(decoder.tableEntries, 10);
    end();
  });

  it("holds a table of the longest Huffman strings in 16 KiB", () => {
    const { rig, decode, encode, release, end } = setUp();
    const idle = rig.slab.usedOctets;
    for (let round = 0; round < 300; round++) {
      // LF has 30 bits; it is no valid value, but must be kept track of.
      assert.equal(decode(encode([[`x${round}`, "\n".repeat(1 + (round % 7) * 100)]])), malformed);
      release();
      assert.ok(rig.slab.usedOctets - idle <= 16_384 + 16_384);
    }
    end();
  });

  it("says so when the slab has no room for the table", () => {
    const { rig, decode, encode, end } = setUp();
    const taken: number[] = [];
    for (const octets of [262_144, 65_536, 16_384, 2048, 512]) {
      for (let block = rig.slab.alloc(octets); block !== 0; block = rig.slab.alloc(octets)) taken.push(block);
    }
    assert.equal(decode(encode([["x-a", "1"]])), noMemory);
    for (const block of taken) rig.slab.free(block);
    end();
  });
});
