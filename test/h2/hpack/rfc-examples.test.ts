import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BlockKind } from "../../../src/h2/hpack/block-kind.ts";
import { DecodeResult } from "../../../src/h2/hpack/decode-result.ts";
import { HpackDecoder } from "../../../src/h2/hpack/decoder.ts";
import { integerOctets, writeInteger } from "../../../src/h2/hpack/integer.ts";
import { LiteralScanner } from "../../../src/h2/hpack/literal-scanner.ts";
import { releaseFields } from "../../../src/h2/hpack/release-fields.ts";
import { writeString } from "../../../src/h2/hpack/write-field.ts";
import type { Field } from "./reference.ts";
import { AREA_OCTETS, fieldsOf, makeRig } from "./reference.ts";

interface Example {
  readonly wire: string;
  readonly fields: readonly Field[];
  readonly tableOctets: number;
}

const REQUEST: readonly Field[] = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "www.example.com"],
];
const SECURE: readonly Field[] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":path", "/index.html"],
  [":authority", "www.example.com"],
];
const DATE: Field = ["date", "Mon, 21 Oct 2013 20:13:21 GMT"];
const PLACE: Field = ["location", "https://www.example.com"];
const RESPONSE: readonly Field[] = [["cache-control", "private"], DATE, PLACE];
const COOKIE = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";

/** Fields and table sizes of C.3 and C.4, C.5 and C.6 are the same: plain and Huffman-coded. */
const requests = (wires: readonly string[]): Example[] => [
  { wire: wires[0]!, fields: REQUEST, tableOctets: 57 },
  { wire: wires[1]!, fields: [...REQUEST, ["cache-control", "no-cache"]], tableOctets: 110 },
  { wire: wires[2]!, fields: [...SECURE, ["custom-key", "custom-value"]], tableOctets: 164 },
];
const responses = (wires: readonly string[]): Example[] => [
  { wire: wires[0]!, fields: [[":status", "302"], ...RESPONSE], tableOctets: 222 },
  { wire: wires[1]!, fields: [[":status", "307"], ...RESPONSE], tableOctets: 222 },
  {
    wire: wires[2]!,
    fields: [
      [":status", "200"],
      ["cache-control", "private"],
      ["date", "Mon, 21 Oct 2013 20:13:22 GMT"],
      PLACE,
      ["content-encoding", "gzip"],
      ["set-cookie", COOKIE],
    ],
    tableOctets: 215,
  },
];

describe("RFC 7541 appendix C", () => {
  it("has integers of one and more octets (C.1)", () => {
    const bytes = Buffer.alloc(1024);
    const scanner = new LiteralScanner(bytes, 512);
    for (const [mask, value, hex] of [
      [31, 10, "0a"],
      [31, 1337, "1f9a0a"],
      [255, 42, "2a"],
    ] as const) {
      const end = writeInteger(bytes, 0, 0, mask, value);
      assert.equal(bytes.toString("hex", 0, end), hex);
      assert.equal(integerOctets(mask, value), end);
      if (end === 1) continue;
      assert.equal(scanner.integer(1, end, mask), end);
      assert.equal(scanner.value, value);
    }
  });

  it("has literals with and without indexing (C.2.1, C.2.3)", () => {
    decodeAll(BlockKind.trailers, 4096, [
      {
        wire: "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
        fields: [["custom-key", "custom-header"]],
        tableOctets: 55,
      },
      { wire: "100870617373776f726406736563726574", fields: [["password", "secret"]], tableOctets: 55 },
    ]);
  });

  it("has a literal path and an indexed method (C.2.2, C.2.4)", () => {
    decodeAll(BlockKind.request, 4096, [
      {
        wire: "8286040c2f73616d706c652f70617468",
        fields: [
          [":method", "GET"],
          [":scheme", "http"],
          [":path", "/sample/path"],
        ],
        tableOctets: 0,
      },
    ]);
  });

  it("has requests without Huffman coding (C.3)", () => {
    decodeAll(
      BlockKind.request,
      4096,
      requests([
        "828684410f7777772e6578616d706c652e636f6d",
        "828684be58086e6f2d6361636865",
        "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
      ]),
    );
  });

  it("has requests with Huffman coding (C.4)", () => {
    decodeAll(
      BlockKind.request,
      4096,
      requests([
        "828684418cf1e3c2e5f23a6ba0ab90f4ff",
        "828684be5886a8eb10649cbf",
        "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
      ]),
    );
  });

  it("has responses without Huffman coding, which evict (C.5)", () => {
    decodeAll(
      BlockKind.response,
      256,
      responses([
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54" +
          "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        "4803333037c1c0bf",
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d" +
          "4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b20766572" +
          "73696f6e3d31",
      ]),
    );
  });

  it("has responses with Huffman coding, which evict (C.6)", () => {
    decodeAll(
      BlockKind.response,
      256,
      responses([
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8" +
          "e9ae82ae43d3",
        "4883640effc1c0bf",
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b" +
          "3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
      ]),
    );
  });

  it("has strings that are Huffman-coded as here", () => {
    const bytes = Buffer.alloc(256);
    for (const [text, hex] of [
      ["www.example.com", "8cf1e3c2e5f23a6ba0ab90f4ff"],
      ["custom-value", "8925a849e95bb8e8b4bf"],
      ["Mon, 21 Oct 2013 20:13:21 GMT", "96d07abe941054d444a8200595040b8166e082a62d1bff"],
      [
        COOKIE,
        "ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
      ],
    ] as const) {
      const end = writeString(bytes, 0, Buffer.from(text));
      assert.equal(bytes.toString("hex", 0, end), hex);
    }
  });
});

function decodeAll(kind: BlockKind, maxTableOctets: number, examples: readonly Example[]): void {
  const rig = makeRig();
  const decoder = new HpackDecoder(rig.slab, rig.pool, { maxTableOctets, maxListOctets: 16_384 });
  for (const { wire, fields, tableOctets } of examples) {
    const length = rig.slab.bytes.write(wire, rig.input, "hex");
    assert.equal(decoder.decode(rig.input, length, kind, rig.block, AREA_OCTETS), DecodeResult.ok);
    const decoded = fieldsOf(rig, rig.block, decoder.outOctets);
    assert.deepEqual(
      decoded.map((entry) => entry.field),
      fields,
    );
    assert.deepEqual(
      decoded.map((entry) => entry.never),
      fields.map(([name]) => name === "password"),
    );
    assert.equal(decoder.tableUsedOctets, tableOctets);
    releaseFields(rig.slab, rig.pool, rig.block, decoder.outOctets);
  }
  decoder.free();
  assert.equal(rig.close(), 0);
}
