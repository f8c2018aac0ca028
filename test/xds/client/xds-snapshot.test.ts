import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { XdsSnapshot } from "../../../src/xds/client/xds-snapshot.ts";
import { decodeXdsSnapshot, encodeXdsSnapshot } from "../../../src/xds/client/xds-snapshot.ts";

const SNAPSHOT = {
  authorities: ["svc.default:1", "größe:1"],
  resources: [
    { kind: "listener", name: "svc.default:1", version: "7", octets: Buffer.from([1, 2, 0x0a, 0xff]) },
    { kind: "loadAssignment", name: "svc", version: "", octets: Buffer.alloc(0) },
  ],
} as const;

describe("a snapshot on disk", () => {
  it("says what it was told", () => {
    assert.deepEqual(decodeXdsSnapshot(encodeXdsSnapshot(SNAPSHOT)), SNAPSHOT);
    const place = { name: "n1", version: "3", octets: Buffer.from([0, 0xff, 0x0a]), shares: { svc: 0.25 } };
    assert.deepEqual(decodeXdsSnapshot(encodeXdsSnapshot({ ...SNAPSHOT, place })), { ...SNAPSHOT, place });
    const empty = { authorities: [], resources: [] };
    assert.deepEqual(decodeXdsSnapshot(encodeXdsSnapshot(empty)), empty);
  });

  it("is of no use when one octet is another one, or it is cut short anywhere", () => {
    const file = encodeXdsSnapshot(SNAPSHOT);
    for (let i = 0; i < file.length; i++) {
      const damaged = Buffer.from(file);
      damaged[i]! ^= 0x20;
      assert.ok("problem" in decodeXdsSnapshot(damaged), `octet ${i}`);
      assert.ok("problem" in decodeXdsSnapshot(file.subarray(0, i)), `cut at ${i}`);
    }
  });

  it("is of use also when a later release keeps kinds in it that are not known here", () => {
    const [first, second] = SNAPSHOT.resources;
    const later = {
      kind: "endpointGroup",
      name: "g",
      version: "1",
      octets: Buffer.from("of a later release"),
    };
    const resources = [first, later, second] as unknown as XdsSnapshot["resources"];
    assert.deepEqual(decodeXdsSnapshot(encodeXdsSnapshot({ ...SNAPSHOT, resources })), SNAPSHOT);
  });

  it("of another format is told from a damaged one", () => {
    const newer = Buffer.from("isobar-xds-snapshot 2\nwhatever");
    assert.match((decodeXdsSnapshot(newer) as { problem: string }).problem, /found format 2, wanted 1/);
    const foreign = Buffer.from("PK\u0003\u0004");
    assert.match((decodeXdsSnapshot(foreign) as { problem: string }).problem, /found other octets/);
  });
});
