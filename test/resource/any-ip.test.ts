import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  AnyIp,
  CANARY_NUMBER,
  DOOR_NUMBER,
  isAnyIpv4,
  isAnyIpv6,
  LAST_SERVICE_NUMBER,
  NO_NUMBER,
} from "../../src/resource/any-ip.ts";

describe("addresses that say what a connection came for", () => {
  const anyIp = new AnyIp({ ipv4: "240.18.0.0/16", ipv6: "fd00:77::/64" });

  it("every number has one address of each family, which leads back to it", () => {
    assert.equal(anyIp.ipv4Of(1), "240.18.0.1");
    assert.equal(anyIp.ipv6Of(1), "fd00:77::1");
    assert.equal(anyIp.ipv4Of(DOOR_NUMBER), "240.18.255.1");
    assert.equal(anyIp.ipv6Of(DOOR_NUMBER), "fd00:77::ff01");
    assert.equal(anyIp.ipv4Of(CANARY_NUMBER), "240.18.255.2");
    for (const number of [1, 255, 256, 4711, LAST_SERVICE_NUMBER]) {
      assert.equal(anyIp.numberOf(anyIp.ipv4Of(number)), number);
      assert.equal(anyIp.numberOf(anyIp.ipv6Of(number)), number);
    }
  });

  it("a socket of a dual-stack listener names IPv4 in its IPv6 form", () => {
    assert.equal(anyIp.numberOf("::ffff:240.18.0.7"), 7);
  });

  it("other addresses have no number", () => {
    for (const text of [
      "240.19.0.1",
      "10.0.0.1",
      "::1",
      "fd00:78::1",
      "fd00:77:0:1::1",
      "fd00:77::1:0:1",
      "",
      "x",
    ])
      assert.equal(anyIp.numberOf(text), NO_NUMBER, text);
  });

  it("a range needs room for 16 bits", () => {
    assert.ok(
      isAnyIpv4("10.1.0.0/16") &&
        !isAnyIpv4("10.1.0.0/17") &&
        !isAnyIpv4("10.0.0.0/8") &&
        !isAnyIpv4("fd00::/16"),
    );
    assert.ok(
      isAnyIpv6("fd00::/112") &&
        isAnyIpv6("fd00::/8") &&
        !isAnyIpv6("fd00::/113") &&
        !isAnyIpv6("10.0.0.0/16"),
    );
    assert.throws(() => new AnyIp({ ipv4: "240.18.0.0/24", ipv6: "fd00::/64" }), RangeError);
    assert.equal(
      new AnyIp({ ipv4: "10.1.0.0/16", ipv6: "fd00:1:2:3:4:5:6:0/112" }).ipv6Of(9),
      "fd00:1:2:3:4:5:6:9",
    );
  });
});
