import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BlockKind } from "../../../src/h2/hpack/block-kind.ts";
import { HpackDecoder } from "../../../src/h2/hpack/decoder.ts";
import { HpackEncoder } from "../../../src/h2/hpack/encoder.ts";
import { blockLiteralOctets, releaseFields } from "../../../src/h2/hpack/release-fields.ts";
import { literalRecord, writeGrpcTimeout, writeStatic } from "../../../src/h2/hpack/write-field.ts";
import type { DecodedField, Field, Form } from "./reference.ts";
import { AREA_OCTETS, fieldsOf, makeRig, ReferenceDecoder, ReferenceEncoder, seeded } from "./reference.ts";

/** Client, proxy and server: what the client sends goes through decoder and encoder; the server checks and returns it. */
function setUp(maxTableOctets = 4096) {
  const rig = makeRig();
  const client = new ReferenceEncoder();
  const decoder = new HpackDecoder(rig.slab, rig.pool, { maxTableOctets: 4096, maxListOctets: 65_536 });
  const encoder = new HpackEncoder(rig.slab, rig.pool, maxTableOctets);
  const server = new ReferenceDecoder();
  let clientOctets = 0;
  let sentOctets = 0;
  const send = (fields: readonly Field[], form: Form = "indexed", pick = 1): DecodedField[] => {
    const wire = Buffer.concat(fields.map((field) => client.field(field, form, true, pick)));
    wire.copy(rig.slab.bytes, rig.input);
    decoder.decode(rig.input, wire.length, BlockKind.trailers, rig.block, AREA_OCTETS);
    const end = encoder.encode(rig.block, decoder.outOctets, rig.output);
    releaseFields(rig.slab, rig.pool, rig.block, decoder.outOctets);
    clientOctets = wire.length;
    sentOctets = end - rig.output;
    const received = server.decode(rig.slab.bytes.subarray(rig.output, end));
    assert.deepEqual(
      received.map((entry) => entry.field),
      fields,
    );
    return received;
  };
  const end = (): void => {
    decoder.free();
    encoder.free();
    assert.equal(rig.pool.entries, 0);
    assert.equal(rig.close(), 0);
  };
  const octets = (): [number, number] => [clientOctets, sentOctets];
  return { rig, encoder, server, send, octets, end };
}

describe("HpackEncoder", () => {
  it("sends a repeated field in one octet from the third time on", () => {
    const { rig, encoder, send, octets, end } = setUp();
    const sizes: number[] = [];
    for (let round = 0; round < 4; round++) {
      send([["x-tenant", "acme"]]);
      sizes.push(octets()[1]);
    }
    assert.deepEqual(sizes.slice(2), [1, 1]);
    assert.equal(encoder.tableEntries, 1);
    assert.equal(rig.slab.bytes[rig.output], 0xbe);
    end();
  });

  it("keeps never-indexed fields so, and literals without indexing out of its table", () => {
    const { server, send, end } = setUp();
    for (let round = 0; round < 40; round++) {
      const received = send([["x-secret", "1"]], "never", -1);
      assert.ok(received[0]!.never);
      send([["user-agent", `agent ${round}`]], "plain", 0);
    }
    assert.deepEqual(server.table.fields, []);
    end();
  });

  it("never puts credentials in its table, even for the sake of the name", () => {
    const { server, send, end } = setUp();
    for (let round = 0; round < 40; round++) {
      send([["authorization", `Bearer ${round % 3}`]], "indexed");
      send([["x-api-key", `${round % 3}`]], "indexed", -1);
      send([["x-api-key", `${round}`]], "plain", -1);
    }
    assert.deepEqual(server.table.fields, []);
    end();
  });

  it("refers to the names of fields whose values change", () => {
    const { server, send, octets, end } = setUp();
    for (let round = 0; round < 40; round++) send([["traceparent", `00-${round}`]], "incremental");
    assert.deepEqual(
      server.table.fields.map((field) => field[0]),
      ["traceparent"],
    );
    const [client, sent] = octets();
    assert.ok(sent <= client + 1, `${sent} octets sent, ${client} received`);
    end();
  });

  it("sends at most 1.25 × the octets of a client with 16 repeated fields and a unique one", () => {
    const { send, octets, end } = setUp();
    const random = seeded(17);
    const hex = (digits: number): string =>
      Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join("");
    const repeated = Array.from({ length: 16 }, (_, i): Field => [`x-header-${i}`, `the value of ${i}`]);
    let received = 0;
    let sent = 0;
    for (let round = 0; round < 400; round++) {
      send([...repeated, ["traceparent", `00-${hex(32)}-${hex(16)}-01`]], "indexed");
      if (round < 20) continue;
      received += octets()[0];
      sent += octets()[1];
    }
    assert.ok(sent <= received * 1.25, `${sent} octets sent, ${received} received`);
    end();
  });

  it("does not evict what is in use for what is new, but does not hold on for ever", () => {
    const { server, send, end } = setUp(380);
    const hot = Array.from({ length: 8 }, (_, i): Field => [`x-hot-${i}`, "value"]);
    for (let round = 0; round < 4; round++) send(hot);
    const before = JSON.stringify(server.table.fields);
    for (let round = 0; round < 20; round++) {
      send([...hot, [`x-${round % 4}`, "new"]]);
      assert.equal(JSON.stringify(server.table.fields), before);
    }
    for (let round = 0; round < 100; round++)
      send([
        ["x-cold", "1"],
        ["x-colder", "2"],
      ]);
    assert.ok(server.table.fields.some((field) => field[0] === "x-cold"));
    const crowd = Array.from({ length: 30 }, (_, i): Field => [`x-crowd-${i}`, "1"]);
    for (let round = 0; round < 10; round++) send(crowd);
    const crowded = JSON.stringify(server.table.fields);
    for (let round = 0; round < 30; round++) send(crowd);
    assert.notEqual(JSON.stringify(server.table.fields), crowded);
    end();
  });

  it("announces the lowest and the last table size before the next block, once", () => {
    const { encoder, rig, send, octets, server, end } = setUp();
    for (let round = 0; round < 3; round++) send([["x-a", "1"]]);
    encoder.setMaxTableOctets(10);
    encoder.setMaxTableOctets(65_536);
    assert.equal(encoder.tableEntries, 0);
    send([["x-a", "1"]]);
    assert.equal(rig.slab.bytes.toString("hex", rig.output, rig.output + 4), "2a3fe11f");
    assert.equal(server.table.maxOctets, 4096);
    send([["x-a", "1"]]);
    assert.equal(octets()[1], 1);
    encoder.setMaxTableOctets(0);
    for (let round = 0; round < 3; round++) send([["x-a", "1"]]);
    assert.deepEqual(server.table.fields, []);
    end();
  });

  it("works without a dynamic table, and says so at once", () => {
    const { server, send, end } = setUp(0);
    for (let round = 0; round < 5; round++)
      send([
        ["x-a", "1"],
        ["traceparent", "00"],
      ]);
    assert.deepEqual([server.table.maxOctets, server.table.fields.length], [0, 0]);
    end();
  });

  it("goes on with literals when the slab has no room for its table", () => {
    const { rig, encoder, send, end } = setUp();
    for (let round = 0; round < 2; round++) send([["x-a", "1"]], round === 0 ? "indexed" : "plain");
    send([["x-a", "1"]], "plain");
    const taken: number[] = [];
    for (const octets of [262_144, 65_536, 16_384, 2048, 512]) {
      for (let block = rig.slab.alloc(octets); block !== 0; block = rig.slab.alloc(octets)) taken.push(block);
    }
    for (let round = 0; round < 3; round++) send([["x-a", "1"]]);
    assert.equal(encoder.tableEntries, 0);
    for (const block of taken) rig.slab.free(block);
    for (let round = 0; round < 3; round++) send([["x-a", "1"]]);
    assert.equal(encoder.tableEntries, 1);
    end();
  });

  it("never exceeds its bound with fields of our own", () => {
    const { rig, encoder, end } = setUp();
    const server = new ReferenceDecoder();
    const bytes = rig.slab.bytes;
    for (let round = 0; round < 30; round++) {
      let at = writeStatic(bytes, rig.block, 8);
      for (const record of [literalRecord("content-type", "application/grpc"), literalRecord("x-own", "é")]) {
        bytes.set(record, at);
        at += record.length;
      }
      at = writeGrpcTimeout(bytes, at, 1000 + round);
      const length = at - rig.block;
      const end = encoder.encode(rig.block, length, rig.output);
      const bound = encoder.encodedBound(length, blockLiteralOctets(rig.slab, rig.pool, rig.block, length));
      assert.ok(end - rig.output <= bound);
      const sent = server.decode(bytes.subarray(rig.output, end));
      assert.deepEqual(sent, fieldsOf(rig, rig.block, length));
      assert.deepEqual(sent[3]!.field, ["grpc-timeout", `${1000 + round}m`]);
    }
    end();
  });

  it("stays in step over many thousand insertions", () => {
    const { server, encoder, send, end } = setUp();
    const random = seeded(4);
    for (let round = 0; round < 3000; round++) {
      const fields = Array.from(
        { length: 3 },
        (): Field => [`x-${Math.floor(random() * 300)}`, "some value"],
      );
      send(fields);
      assert.equal(encoder.tableUsedOctets, server.table.octets);
    }
    end();
  });
});
