import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { describe, it } from "node:test";
import { parseIpAddress } from "../../../src/base/ip-address.ts";
import { forbiddenKind } from "../../../src/proxy/port/forbidden-address.ts";
import { OwnAddresses } from "../../../src/proxy/port/own-addresses.ts";
import { parseTargetPattern, TargetGuard } from "../../../src/proxy/port/target-guard.ts";
import { parseTunnelTarget } from "../../../src/proxy/port/tunnel-target.ts";
import { TUNNEL_RESULT_NAMES } from "../../../src/telemetry/port-cell.ts";

const own = new OwnAddresses(
  () => 0,
  () => ["192.0.2.7", "2001:db8::7", "fe80::7%eth0"],
);

function judge(guard: TargetGuard, target: string, address?: string): string {
  const parsed = parseTunnelTarget(target)!;
  const dialled = address === undefined ? parsed.address! : parseIpAddress(address)!;
  return TUNNEL_RESULT_NAMES[guard.judge(parsed, dialled, own)]!;
}

describe("targets of CONNECT", () => {
  it("are host:port, where a host is a name or an address and nothing in between", () => {
    for (const text of ["a.test:1", "A.Test.:65535", "svc:50051", "1.2.3.4:80", "[::1]:443", "_x.y:1"]) {
      assert.ok(parseTunnelTarget(text), text);
    }
    for (const text of [
      "a.test",
      "a.test:",
      "a.test:0",
      "a.test:65536",
      "a.test:080",
      ":80",
      "a..b:1",
      "a b:1",
      "user@a:1",
      "a/b:1",
      "::1:80",
      "[1.2.3.4]:80",
      "[::1%25eth0]:80",
      "[::1]",
      "2130706433:80",
      "0x7f.1:80",
      "0x7f000001:80",
      "127.1:80",
      "0177.0.0.1:80",
      "127.0.0.1.:80x",
      "1.2.3.4.5:80",
      "1.2.3:80",
      "a.test:1 ",
      `${"x".repeat(64)}.test:1`,
      "",
    ]) {
      assert.equal(parseTunnelTarget(text), undefined, text);
    }
    assert.equal(parseTunnelTarget("127.0.0.1.:80")?.host, "127.0.0.1", "a final dot changes nothing");
  });

  it("are never the node's own affair, in any spelling, whatever is allowed", () => {
    const guard = new TargetGuard({ allowedTargets: ["*", "0.0.0.0/0", "::/0"], deniedRanges: [] });
    for (const address of [
      "127.0.0.1",
      "127.255.255.254",
      "0.0.0.0",
      "0.1.2.3",
      "169.254.169.254",
      "169.254.1.1",
      "100.100.100.200",
      "168.63.129.16",
      "192.0.0.192",
      "224.0.0.1",
      "239.255.255.255",
      "255.255.255.255",
      "240.18.0.1",
      "::",
      "::1",
      "fe80::1",
      "febf::1",
      "fd00:ec2::254",
      "ff02::1",
      "::ffff:127.0.0.1",
      "::ffff:a9fe:a9fe",
      "::127.0.0.1",
      "64:ff9b::127.0.0.1",
      "64:ff9b::a9fe:a9fe",
      "64:ff9b:1::7f00:1",
      "::ffff:0:127.0.0.1",
      "2002:7f00:1::1",
      "2002:a9fe:a9fe::",
      "2001:0:7f00:1::1",
      "2001:0:4136:e378:8000:63bf:80ff:fffe",
      "fd00::5efe:127.0.0.1",
      "fd00::200:5efe:a9fe:a9fe",
    ]) {
      assert.notEqual(forbiddenKind(parseIpAddress(address)!), undefined, address);
      const text = address.includes(":") ? `[${address}]:80` : `${address}:80`;
      assert.equal(judge(guard, text), "forbidden_address", address);
      assert.equal(
        judge(guard, "name.test:80", address),
        "forbidden_address",
        `a name that leads to ${address}`,
      );
    }
  });

  it("are not this machine's addresses, nor IPv6 spellings of them", () => {
    const guard = new TargetGuard({ allowedTargets: ["*"], deniedRanges: [] });
    for (const text of [
      "192.0.2.7:80",
      "[2001:db8::7]:80",
      "[::ffff:192.0.2.7]:80",
      "[64:ff9b::192.0.2.7]:80",
    ]) {
      assert.equal(judge(guard, text), "own_address", text);
    }
    const real = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    const interfaces = new OwnAddresses(() => 0);
    for (const { address } of real)
      assert.ok(interfaces.has(parseIpAddress(address.replace(/%.*/, ""))!), address);
  });

  it("are not in the denied ranges", () => {
    const guard = new TargetGuard({ allowedTargets: ["*"], deniedRanges: ["10.0.0.0/8", "fd00::/8"] });
    assert.equal(judge(guard, "10.1.2.3:80"), "denied_range");
    assert.equal(judge(guard, "[64:ff9b::10.1.2.3]:80"), "denied_range");
    assert.equal(judge(guard, "a.test:80", "10.1.2.3"), "denied_range");
    assert.equal(judge(guard, "11.1.2.3:80"), "allowed");
  });

  it("are allowed by name, suffix, address and range, each with its port or any", () => {
    const allowedTargets = [
      "one.test:443",
      "*.two.test",
      "203.0.113.0/24:8443",
      "[2001:db8:1::/48]:443",
      "198.51.100.1",
    ];
    const guard = new TargetGuard({ allowedTargets, deniedRanges: [] });
    const outside = "203.0.112.1";
    for (const [target, address, wanted] of [
      ["one.test:443", outside, "allowed"],
      ["ONE.test.:443", outside, "allowed"],
      ["one.test:80", outside, "not_allowed"],
      ["a.b.two.test:1", outside, "allowed"],
      ["two.test:1", outside, "not_allowed"],
      ["eviltwo.test:1", outside, "not_allowed"],
      ["any.test:8443", "203.0.113.9", "allowed"],
      ["any.test:8444", "203.0.113.9", "not_allowed"],
      ["203.0.113.9:8443", undefined, "allowed"],
      ["198.51.100.1:22", undefined, "allowed"],
      ["198.51.100.2:22", undefined, "not_allowed"],
      ["[2001:db8:1::5]:443", undefined, "allowed"],
      ["[2001:db8:2::5]:443", undefined, "not_allowed"],
    ] as const) {
      assert.equal(judge(guard, target, address), wanted, `${target} at ${address}`);
    }
  });

  it("are not resolved unless a name or a range may have them; names of this machine never are", () => {
    const guard = new TargetGuard({ allowedTargets: ["one.test:443"], deniedRanges: [] });
    assert.ok(guard.mayResolve(parseTunnelTarget("one.test:443")!));
    assert.ok(!guard.mayResolve(parseTunnelTarget("two.test:443")!));
    const all = new TargetGuard({ allowedTargets: ["*"], deniedRanges: [] });
    for (const name of ["localhost", "LOCALHOST.", "a.localhost", "localhost.localdomain", "ip6-loopback"]) {
      assert.ok(!all.mayResolve(parseTunnelTarget(`${name}:80`)!), name);
    }
  });

  it("nothing is allowed by default", () => {
    const guard = new TargetGuard({ allowedTargets: [], deniedRanges: [] });
    assert.equal(judge(guard, "203.0.113.9:443"), "not_allowed");
    assert.ok(!guard.mayResolve(parseTunnelTarget("a.test:443")!));
  });

  it("patterns are refused that are neither", () => {
    for (const text of [
      "",
      "a b",
      "*a.test",
      "*.",
      "http://a.test",
      "10.0.0.1/8",
      "a.test:0",
      "[::1",
      "1.2.3",
      "a:b:c",
    ]) {
      assert.equal(parseTargetPattern(text), undefined, text);
    }
  });
});
