import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { ServiceDefinition } from "@grpc/proto-loader";
import { loadSync } from "@grpc/proto-loader";
import { echoService } from "../../src/demo/echo-service.ts";
import { decodeStringFields, encodeStringFields } from "../../src/demo/string-fields.ts";

const proto = loadSync(fileURLToPath(new URL("../../src/demo/echo.proto", import.meta.url)));

describe("string fields", () => {
  it("come back as they were, long and not ASCII too", () => {
    const values = ["", "grüße", "x".repeat(70_000)];
    assert.deepEqual(decodeStringFields(encodeStringFields(values), 3), values);
  });

  it("skips fields that are not known, of every wire type", () => {
    const unknown = Buffer.from([
      ...[0x48, 0x96, 0x01], // 9: varint
      ...[0x51, 1, 2, 3, 4, 5, 6, 7, 8], // 10: 64 bits
      ...[0x5a, 2, 0x68, 0x69], // 11: length-delimited
      ...[0x65, 1, 2, 3, 4], // 12: 32 bits
      ...[0x82, 0x01, 1, 0x7a], // 16: length-delimited, key of two octets
    ]);
    const message = Buffer.concat([unknown, encodeStringFields(["text"]), unknown]);
    assert.deepEqual(decodeStringFields(message, 1), ["text"]);
  });

  it("refuses what is cut off or not protobuf", () => {
    for (const octets of [[0x0a], [0x0a, 5, 1], [0x0b], [0x0d, 1], [0xff, 0xff]]) {
      assert.throws(() => decodeStringFields(Buffer.from(octets), 1), RangeError);
    }
  });
});

describe("the hand-written service", () => {
  const generated = proto["echo.Echo"] as ServiceDefinition;

  it("has the methods of echo.proto", () => {
    assert.deepEqual(Object.keys(echoService), Object.keys(generated));
    for (const name of ["Say", "Chat"] as const) {
      const { path, requestStream, responseStream } = generated[name]!;
      const own = echoService[name];
      assert.deepEqual(
        [own.path, own.requestStream, own.responseStream],
        [path, requestStream, responseStream],
      );
    }
  });

  const say = "Say";

  it("reads and writes the same octets as generated code", () => {
    const { requestSerialize, responseDeserialize } = generated[say]!;
    const reply = { text: "hi", backend: "a1", zone: "zone-a" };
    assert.deepEqual(echoService.Say.requestDeserialize(requestSerialize({ text: "hi" })), { text: "hi" });
    assert.deepEqual({ ...responseDeserialize(echoService.Say.responseSerialize(reply)) }, reply);
  });
});
