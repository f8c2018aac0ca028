import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BlockKind } from "../../../src/h2/hpack/block-kind.ts";
import { HpackDecoder } from "../../../src/h2/hpack/decoder.ts";
import { HpackEncoder } from "../../../src/h2/hpack/encoder.ts";
import { releaseFields } from "../../../src/h2/hpack/release-fields.ts";
import { GRPC_TIMEOUT_OCTETS } from "../../../src/h2/hpack/write-field.ts";
import { AREA_OCTETS, fieldsOf, makeRig, ReferenceDecoder, ReferenceEncoder } from "./reference.ts";

/** The proxy's side of one connection, and the server that reads it. */
function setUp(options: { maxEntries?: number } = {}) {
  const rig = makeRig(options);
  const encoder = new HpackEncoder(rig.slab, rig.pool);
  const server = new ReferenceDecoder();
  const send = (timeoutMs: number): { value: string; octets: number } => {
    const length = rig.pool.timeouts.write(rig.block, timeoutMs) - rig.block;
    assert.ok(length <= GRPC_TIMEOUT_OCTETS);
    const end = encoder.encode(rig.block, length, rig.output);
    const octets = end - rig.output;
    assert.ok(octets <= encoder.encodedBound(length, GRPC_TIMEOUT_OCTETS));
    const received = server.decode(rig.slab.bytes.subarray(rig.output, end)).map(({ field }) => field);
    assert.deepEqual(
      received.map(([name]) => name),
      ["grpc-timeout"],
    );
    return { value: received[0]![1], octets };
  };
  const end = (): void => {
    encoder.free();
    assert.equal(rig.close(), 0);
    assert.equal(rig.pool.entries, 0);
  };
  return { rig, send, end };
}

describe("TimeoutFields", () => {
  it("take one octet from the second time on", () => {
    const { send, end } = setUp();
    assert.equal(send(30_000).value, "30000m");
    assert.deepEqual(send(30_000), { value: "30000m", octets: 1 });
    assert.equal(send(50).value, "50000u");
    assert.deepEqual(send(30_000), { value: "30000m", octets: 1 });
    assert.deepEqual(send(50), { value: "50000u", octets: 1 });
    end();
  });

  it("are right for any limits by turns, and keep 31 fields at most", () => {
    const { rig, send, end } = setUp();
    for (let round = 0; round < 3; round++) {
      for (let ms = 100; ms < 400; ms++) assert.equal(send(ms).value, `${ms}m`);
      assert.equal(send(86_400_000).value, "86400000m");
      assert.equal(send(3_600_000_000_000).value, "60000000M");
    }
    assert.ok(rig.pool.entries <= 31 + 128, `${rig.pool.entries} fields, a connection's table included`);
    end();
    assert.equal(rig.pool.entries, 0);
  });

  it("are written as literals where the pool has no room", () => {
    const { rig, send, end } = setUp({ maxEntries: 1 });
    assert.equal(send(1000).value, "1000m");
    assert.equal(send(2000).value, "2000m");
    assert.equal(send(2000).value, "2000m");
    assert.equal(rig.pool.entries, 1);
    end();
  });

  it("mean the same to a decoder that has the same field of a peer", () => {
    const { rig, send, end } = setUp();
    send(30_000);
    const client = new ReferenceEncoder();
    const decoder = new HpackDecoder(rig.slab, rig.pool, { maxTableOctets: 4096, maxListOctets: 65_536 });
    for (let round = 0; round < 4; round++) {
      const fields = [
        [":method", "POST"],
        [":scheme", "http"],
        [":path", "/a.B/C"],
        ["grpc-timeout", "30000m"],
      ] as const;
      const wire = Buffer.concat(fields.map((field) => client.field(field, "indexed", true, 1)));
      wire.copy(rig.slab.bytes, rig.input);
      decoder.decode(rig.input, wire.length, BlockKind.request, rig.block + 512, AREA_OCTETS - 512);
      assert.equal(decoder.timeoutMs, 30_000);
      const names = fieldsOf(rig, rig.block + 512, decoder.outOctets).map(({ field }) => field[0]);
      assert.equal(names.includes("grpc-timeout"), false);
      releaseFields(rig.slab, rig.pool, rig.block + 512, decoder.outOctets);
    }
    decoder.free();
    end();
  });
});
