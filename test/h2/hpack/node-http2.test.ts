import assert from "node:assert/strict";
import { once } from "node:events";
import type { ClientHttp2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { connect } from "node:http2";
import { duplexPair } from "node:stream";
import { describe, it } from "node:test";
import { BlockKind } from "../../../src/h2/hpack/block-kind.ts";
import { DecodeResult } from "../../../src/h2/hpack/decode-result.ts";
import { HpackDecoder } from "../../../src/h2/hpack/decoder.ts";
import { HpackEncoder } from "../../../src/h2/hpack/encoder.ts";
import { releaseFields } from "../../../src/h2/hpack/release-fields.ts";
import { writeStatic } from "../../../src/h2/hpack/write-field.ts";
import { AREA_OCTETS, fieldsOf, makeRig, seeded } from "./reference.ts";

const PREFACE_OCTETS = 24;
const HEADERS = 1;
const SETTINGS = 4;
const END_STREAM = 1;
const END_HEADERS = 4;

describe("node:http2", () => {
  it("and we read each other's header blocks", async () => {
    const rig = makeRig();
    const limits = { maxTableOctets: 4096, maxListOctets: 65_536 };
    const decoder = new HpackDecoder(rig.slab, rig.pool, limits);
    const encoder = new HpackEncoder(rig.slab, rig.pool);
    const [near, far] = duplexPair();
    const session: ClientHttp2Session = connect("http://echo", { createConnection: () => near });
    let pending = Buffer.alloc(0);
    let skip = PREFACE_OCTETS;
    // A server that returns every request's x- fields, behind our decoder and our encoder.
    far.on("data", (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      if (pending.length < skip) return;
      pending = pending.subarray(skip);
      skip = 0;
      while (pending.length >= 9 && pending.length >= 9 + pending.readUIntBE(0, 3)) {
        const length = pending.readUIntBE(0, 3);
        const [type, flags, stream] = [pending[3], pending[4]!, pending.readUInt32BE(5)];
        const payload = pending.subarray(9, 9 + length);
        pending = pending.subarray(9 + length);
        if (type === SETTINGS && (flags & 1) === 0)
          far.write(Buffer.from([0, 0, 0, SETTINGS, 1, 0, 0, 0, 0]));
        if (type === HEADERS) far.write(answer(payload, flags, stream));
      }
    });
    far.write(Buffer.from([0, 0, 0, SETTINGS, 0, 0, 0, 0, 0]));

    function answer(payload: Buffer, flags: number, stream: number): Buffer {
      assert.equal(flags & (END_HEADERS | 0x08), END_HEADERS);
      const block = (flags & 0x20) === 0 ? payload : payload.subarray(5);
      block.copy(rig.slab.bytes, rig.input);
      const result = decoder.decode(rig.input, block.length, BlockKind.request, rig.block, AREA_OCTETS);
      assert.equal(result, DecodeResult.ok);
      const fields = fieldsOf(rig, rig.block, decoder.outOctets);
      const pseudo = fields.slice(0, 4).map((entry) => entry.field[0]);
      assert.deepEqual(pseudo.toSorted(), [":authority", ":method", ":path", ":scheme"]);
      // The pseudo-header records give way to a :status; all that follows is passed on as it is.
      const length = decoder.outOctets;
      const regular = regularFrom(fields.length);
      releaseFields(rig.slab, rig.pool, rig.block, regular - rig.block);
      const response = writeStatic(rig.slab.bytes, regular - 1, 8) - 1;
      const end = encoder.encode(response, rig.block + length - response, rig.output);
      releaseFields(rig.slab, rig.pool, response, rig.block + length - response);
      const head = Buffer.alloc(9);
      head.writeUIntBE(end - rig.output, 0, 3);
      head[3] = HEADERS;
      head[4] = END_HEADERS | END_STREAM;
      head.writeUInt32BE(stream, 5);
      return Buffer.concat([head, rig.slab.bytes.subarray(rig.output, end)]);
    }

    function regularFrom(count: number): number {
      // node:http2 sends four pseudo-header fields first.
      assert.ok(count >= 4);
      let at = rig.block;
      for (let i = 0; i < 4; i++) {
        const kind = rig.slab.bytes[at]!;
        at += kind >= 0x80 ? 1 : kind === 1 ? 5 : 5 + rig.slab.bytes.readUIntLE(at + 1, 3);
      }
      return at;
    }

    const random = seeded(2);
    for (let round = 0; round < 300; round++) {
      const sent: OutgoingHttpHeaders = { ":method": "POST", ":path": `/echo/${round % 5}` };
      const fields: Record<string, string> = {};
      for (let i = 0; i < 10; i++) {
        const value = Math.floor(random() * (i < 5 ? 2 : 1000));
        fields[`x-field-${i}`] = `${"value ".repeat(i % 3)}${value}${i === 7 ? "\xe9" : ""}`;
      }
      const stream = session.request({ ...sent, ...fields }, { endStream: true });
      stream.resume();
      const [received] = (await once(stream, "response")) as [IncomingHttpHeaders];
      assert.equal(received[":status"], 200);
      for (const [name, value] of Object.entries(fields)) assert.equal(received[name], value);
    }
    session.destroy();
    decoder.free();
    encoder.free();
    assert.equal(rig.pool.entries, 0);
    assert.equal(rig.close(), 0);
  });
});
