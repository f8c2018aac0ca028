import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ReplicaLoads } from "../../../src/xds/resources/replica-loads.ts";
import { decodeReplicaLoads, encodeReplicaLoads } from "../../../src/xds/resources/replica-loads.ts";

const LOADS: ReplicaLoads = {
  replica: "r1",
  services: [
    {
      view: {
        name: "a.default:80",
        removed: false,
        reporters: 3,
        requestsPerSecond: 12.5,
        ageMs: 700,
        streams: new Map([
          [4_000_000_000, 300],
          [7, 1],
        ]),
        sequence: 0,
      },
      places: [
        {
          region: "r",
          zone: "a",
          reporters: 3,
          requestsPerSecond: 10.25,
          errorsPerSecond: 0.5,
          inFlight: 301,
        },
        { region: "", zone: "", reporters: 1, requestsPerSecond: 2.25, errorsPerSecond: 0, inFlight: 0 },
      ],
    },
  ],
  sequence: 9,
};

describe("ReplicaLoads", () => {
  it("come back as they went", () => {
    assert.deepEqual(decodeReplicaLoads(encodeReplicaLoads(LOADS)).value, LOADS);
    const none: ReplicaLoads = { replica: "r2", services: [], sequence: 0 };
    assert.deepEqual(decodeReplicaLoads(encodeReplicaLoads(none)).value, none);
  });

  it("that are cut off anywhere are refused or read as far as they are whole, and never throw", () => {
    const octets = encodeReplicaLoads(LOADS);
    for (let length = 0; length < octets.length; length++) {
      const { value, problem } = decodeReplicaLoads(octets.subarray(0, length));
      assert.ok(value !== undefined || problem.startsWith("ReplicaLoads: found"));
    }
  });
});
