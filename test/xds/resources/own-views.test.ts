import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeNodeView, encodeNodeView } from "../../../src/xds/resources/node-view.ts";
import {
  decodeServiceView,
  EMPTY_SERVICE_VIEW,
  encodeServiceView,
  endpointHash,
} from "../../../src/xds/resources/service-view.ts";
import { WireWriter } from "../../../src/xds/resources/wire-writer.ts";

const NODE = { name: "n1", index: 3, count: 7, zone: "a", region: "r1", zoneIndex: 1, zoneCount: 2 };
const MEMBERS = {
  members: Uint32Array.of(1, 2, 3, 0x8000_0000, 5, 6, 2 ** 32 - 1),
  zoneMembers: Uint32Array.of(7, 8),
};

test("a proxy's place is read as it was written", () => {
  assert.deepEqual(decodeNodeView(encodeNodeView(NODE)).value, NODE);
  const withMembers = { ...NODE, ...MEMBERS };
  assert.deepEqual(decodeNodeView(encodeNodeView(withMembers)).value, withMembers);
});

test("a place that its fleet has no room for is refused", () => {
  for (const wrong of [{ index: 7 }, { count: 0 }, { zoneIndex: 2 }, { zoneCount: 0 }]) {
    const { problem } = decodeNodeView(encodeNodeView({ ...NODE, ...wrong }));
    assert.match(problem!, /NodeView: (zone_)?index: found \d+, wanted less than/);
  }
});

test("as many proxies have to be named as there are", () => {
  for (const wrong of [{ members: Uint32Array.of(1) }, { zoneMembers: Uint32Array.of(1, 2, 3) }]) {
    const { problem } = decodeNodeView(encodeNodeView({ ...NODE, ...MEMBERS, ...wrong }));
    assert.match(problem!, /NodeView: (zone_)?members: found \d proxies, wanted none, or as many/);
  }
  const cut = Buffer.concat([encodeNodeView(NODE), Buffer.from([7 * 8 + 2, 3, 0, 0, 0])]);
  assert.match(decodeNodeView(cut).problem!, /members: found 3 octets, wanted 4 for each proxy/);
});

test("what is known of a service is read as it was written, however large its numbers", () => {
  const streams = new Map([
    [endpointHash("10.0.0.1", 80), 1],
    [endpointHash("fd00::1", 8080), 300],
    [0xffffffff, 0xffffffff],
  ]);
  const view = {
    name: "a:80",
    removed: false,
    reporters: 1_000,
    requestsPerSecond: 12_345.678,
    ageMs: 812,
    streams,
    sequence: 2 ** 31 - 1,
  };
  assert.deepEqual(decodeServiceView(encodeServiceView(view)).value, view);
  const gone = { ...EMPTY_SERVICE_VIEW, name: "a:80", removed: true };
  assert.deepEqual(decodeServiceView(encodeServiceView(gone)).value, gone);
});

test("a view with fewer counts than endpoints, or cut off, is refused and nothing is thrown", () => {
  const short = new WireWriter().string(1, "a").octets(6, Buffer.alloc(8)).octets(7, Buffer.of(1)).finish();
  assert.match(decodeServiceView(short).problem!, /ServiceView: streams: found fewer than 2/);
  const whole = encodeServiceView({ ...EMPTY_SERVICE_VIEW, name: "a:80", streams: new Map([[1, 1]]) });
  for (let length = 1; length < whole.length; length++) decodeServiceView(whole.subarray(0, length));
});

test("the hash of an endpoint is the same in every process", () => {
  assert.equal(endpointHash("10.0.0.1", 80), 2_607_772_767);
});
