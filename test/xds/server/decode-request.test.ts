import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  DeltaDiscoveryRequestSchema,
  DiscoveryRequestSchema,
} from "../../../src/xds/generated/envoy/service/discovery/v3/discovery_pb.js";
import { decodeDeltaRequest, decodeSotwRequest } from "../../../src/xds/server/decode-request.ts";

const NODE = { id: "n1", userAgentName: "envoy", locality: { region: "r", zone: "z" } };
const ERROR = { code: 3, message: "no such policy" };

describe("requests read field by field", () => {
  it("are what a protobuf library wrote, in the form of the whole state", () => {
    const init = {
      versionInfo: "v",
      node: NODE,
      resourceNames: ["a", "b"],
      typeUrl: "t",
      responseNonce: "7",
      errorDetail: ERROR,
    };
    const request = decodeSotwRequest(toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, init)));
    const { node, ...rest } = request;
    assert.deepEqual(rest, {
      typeUrl: "t",
      responseNonce: "7",
      refusal: "no such policy",
      versionInfo: "v",
      resourceNames: ["a", "b"],
    });
    assert.deepEqual([node?.id, node?.locality?.zone], ["n1", "z"]);
  });

  it("are what a protobuf library wrote, in the incremental form", () => {
    const init = {
      node: NODE,
      typeUrl: "t",
      resourceNamesSubscribe: ["a", "*"],
      resourceNamesUnsubscribe: ["b"],
      initialResourceVersions: { a: "1", c: "" },
      responseNonce: "7",
      errorDetail: ERROR,
    };
    const octets = toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, init));
    const { node, ...rest } = decodeDeltaRequest(octets);
    assert.deepEqual(rest, {
      typeUrl: "t",
      responseNonce: "7",
      refusal: "no such policy",
      subscribe: ["a", "*"],
      unsubscribe: ["b"],
      initialVersions: [
        ["a", "1"],
        ["c", ""],
      ],
    });
    assert.equal(node?.userAgentName, "envoy");
  });

  it("tell an empty refusal from none", () => {
    const octets = toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, { errorDetail: {} }));
    assert.equal(decodeSotwRequest(octets).refusal, "");
    assert.equal(decodeSotwRequest(new Uint8Array()).refusal, undefined);
  });

  it("throw for what is cut off", () => {
    const whole = toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, { typeUrl: "abc" }));
    assert.throws(() => decodeSotwRequest(whole.subarray(0, 3)));
    assert.throws(() => decodeDeltaRequest(Uint8Array.of(0xff)));
  });
});
