import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { timeoutMsOf } from "../../../src/h2/hpack/field-value.ts";
import { staticNameIndex } from "../../../src/h2/hpack/static-table.ts";
import {
  GRPC_TIMEOUT_OCTETS,
  literalBound,
  literalRecord,
  PREVIOUS_ATTEMPTS_OCTETS,
  writeGrpcTimeout,
  writeLiteral,
  writePreviousAttempts,
  writeStatic,
} from "../../../src/h2/hpack/write-field.ts";
import { fieldsOf, makeRig } from "./reference.ts";

describe("fields of our own", () => {
  it("are records of a field block", () => {
    const rig = makeRig();
    const bytes = rig.slab.bytes;
    let at = writeStatic(bytes, rig.block, 8);
    const message = Buffer.from("no endpoint");
    const start = at;
    at = writeLiteral(bytes, at, 0, Buffer.from("grpc-message"), message);
    assert.ok(at - start <= literalBound(12, message.length));
    at = writeLiteral(
      bytes,
      at,
      staticNameIndex("content-type"),
      Buffer.alloc(0),
      Buffer.from("application/grpc"),
    );
    const record = literalRecord("grpc-status", "14");
    bytes.set(record, at);
    at += record.length;
    const fields = fieldsOf(rig, rig.block, at - rig.block).map((entry) => entry.field);
    assert.deepEqual(fields, [
      [":status", "200"],
      ["grpc-message", "no endpoint"],
      ["content-type", "application/grpc"],
      ["grpc-status", "14"],
    ]);
    rig.close();
  });

  it("round a grpc-timeout down, in the unit that fits eight digits", () => {
    const rig = makeRig();
    for (const [timeoutMs, wanted] of [
      [1000, "1000m"],
      [100, "100m"],
      [1234.9, "1234m"],
      [99.9996, "99999u"],
      [2.5, "2500u"],
      [0.001, "1u"],
      [0.0005, "500n"],
      [0.0000001, "1n"],
      [0, "1n"],
      [-5, "1n"],
      [99_999_999, "99999999m"],
      [100_000_000, "100000S"],
      [1e12, "16666666M"],
      [1e13, "2777777H"],
      [Number.MAX_VALUE, "99999999H"],
    ] as const) {
      const end = writeGrpcTimeout(rig.slab.bytes, rig.block, timeoutMs);
      assert.ok(end - rig.block <= GRPC_TIMEOUT_OCTETS);
      const [entry] = fieldsOf(rig, rig.block, end - rig.block);
      assert.deepEqual(entry?.field, ["grpc-timeout", wanted]);
    }
    rig.close();
  });

  it("count the attempts before this one", () => {
    const rig = makeRig();
    for (const count of [0, 1, 9, 10, 42, 99, 100, 101, 255]) {
      const end = writePreviousAttempts(rig.slab.bytes, rig.block, count);
      assert.ok(end - rig.block <= PREVIOUS_ATTEMPTS_OCTETS);
      const [entry] = fieldsOf(rig, rig.block, end - rig.block);
      assert.deepEqual(entry?.field, ["grpc-previous-rpc-attempts", String(count)]);
    }
    rig.close();
  });

  it("read packed timeouts exactly", () => {
    assert.equal(timeoutMsOf((99_999_999 << 3) | 1), 99_999.999);
    assert.equal(timeoutMsOf((1 << 3) | 5), 3_600_000);
  });
});
