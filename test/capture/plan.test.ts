import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parsePlan } from "../../src/capture/plan.ts";

const PLAN = {
  format: 1,
  version: "v1",
  services: [
    { service: "echo.shop:50051", addresses: ["10.96.0.10"], port: 50051, anyIp4: "240.18.0.1", anyIp6: "" },
  ],
  callers: [{ addresses: ["10.0.0.5", "fd00::5"], mode: "transparent", failClosed: true, reclaim: false }],
  entries: [{ address: "169.254.77.1", port: 15001 }],
};

describe("parsePlan", () => {
  it("reads a plan, with the ranges of the configuration's defaults where it names none", () => {
    const plan = parsePlan(JSON.stringify(PLAN));
    assert.deepEqual(plan.services[0]?.anyIp, { ipv4: "240.18.0.1", ipv6: "" });
    assert.deepEqual(plan.callers, [
      { addresses: ["10.0.0.5", "fd00::5"], transparent: true, failClosed: true, reclaim: false },
    ]);
    assert.deepEqual(plan.ranges, { ipv4: "240.18.0.0/16", ipv6: "fd00:77::/64" });
    assert.equal(plan.canary.ipv4, "240.18.255.2");
  });

  const [service] = PLAN.services;
  const [caller] = PLAN.callers;
  for (const [what, change, message] of [
    ["another format", { format: 2 }, /format: found 2, wanted 1/],
    ["no list of services", { services: {} }, /services: found \{\}, wanted a list/],
    [
      "rules for an address",
      { callers: [{ ...caller, addresses: ["1.2.3.4 } ; flush ruleset"] }] },
      /wanted an IP address/,
    ],
    [
      "an address with a zone",
      { callers: [{ ...caller, addresses: ["fe80::1%eth0"] }] },
      /wanted an IP address/,
    ],
    [
      "a port that is text",
      { services: [{ ...service, port: "50051" }] },
      /services\[0\].port: found "50051"/,
    ],
    ["a port that is none", { services: [{ ...service, port: 65536 }] }, /wanted a port/],
    [
      "a number of the other family",
      { services: [{ ...service, anyIp4: "fd00::1" }] },
      /wanted an IPv4 address/,
    ],
    ["a range that is none", { anyIp: { ipv4: "240.18.0.0/16; x", ipv6: "" } }, /anyIp: found/],
    ["a range of everything", { anyIp: { ipv4: "0.0.0.0/0", ipv6: "" } }, /anyIp: found/],
    ["a door that is none", { door: { ipv4: "door", ipv6: "" } }, /wanted an IP address/],
  ] as const)
    it(`refuses ${what}`, () => {
      assert.throws(() => parsePlan(JSON.stringify({ ...PLAN, ...change })), { name: "RangeError", message });
    });
});
