import assert from "node:assert/strict";
import { it } from "node:test";
import { status } from "@grpc/grpc-js";
import { GrpcStatus } from "../../src/grpc/status.ts";
import { grpcStatusOfReset } from "../../src/grpc/status-of-reset.ts";

it("resets are told by the mapping of gRPC over HTTP/2", () => {
  const expected = [13, 13, 13, 13, 13, 13, 13, 14, 1, 13, 13, 8, 7, 13];
  assert.deepEqual(
    expected.map((_, code) => grpcStatusOfReset(code)),
    expected,
  );
  assert.equal(grpcStatusOfReset(0xffff_ffff), 13);
});

it("statuses are gRPC's", () => {
  const upper = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
  for (const [name, code] of Object.entries(GrpcStatus)) {
    assert.equal(status[upper(name) as keyof typeof status], code, name);
  }
  assert.equal(Object.keys(GrpcStatus).length, 17);
});
