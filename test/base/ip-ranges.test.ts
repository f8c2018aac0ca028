import assert from "node:assert/strict";
import { isIP } from "node:net";
import { describe, it } from "node:test";
import { parseIpAddress } from "../../src/base/ip-address.ts";
import { IpRanges, parseIpRange } from "../../src/base/ip-ranges.ts";
import { SeededRandom } from "../../src/base/random.ts";

describe("IP addresses", () => {
  it("are read as Node reads them, zones and leading zeros aside", () => {
    const random = new SeededRandom(7);
    const alphabet = "0123456789abcf:.::..";
    let valid = 0;
    for (let i = 0; i < 300_000; i++) {
      let text =
        i % 2 === 0 ? "" : ["1.2.3.4", "::1", "fe80::a:b", "::ffff:1.2.3.4", "1:2:3:4:5:6:7:8"][i % 5]!;
      for (let more = Math.floor(random.nextFloat() * 6); more > 0; more--) {
        const at = Math.floor(random.nextFloat() * (text.length + 1));
        text =
          text.slice(0, at) + alphabet[Math.floor(random.nextFloat() * alphabet.length)] + text.slice(at);
      }
      const wanted = isIP(text) !== 0;
      if (wanted) valid++;
      assert.equal(parseIpAddress(text) !== undefined, wanted, JSON.stringify(text));
    }
    assert.ok(valid > 10_000, `${valid} were addresses`);
  });

  it("are the same whatever their spelling", () => {
    for (const [one, other] of [
      ["127.0.0.1", "::ffff:127.0.0.1"],
      ["127.0.0.1", "::ffff:7f00:1"],
      ["127.0.0.1", "0:0:0:0:0:FFFF:7F00:0001"],
      ["fd00:ec2::254", "fd00:0ec2:0:0::0254"],
    ] as const) {
      assert.deepEqual(parseIpAddress(one), parseIpAddress(other));
    }
  });

  it("are not the numbers that C libraries take for them", () => {
    for (const text of [
      "2130706433",
      "0x7f000001",
      "0177.0.0.1",
      "127.1",
      "127.0.1",
      "127.0.0.01",
      "1.2.3.4.",
      " 1.2.3.4",
    ]) {
      assert.equal(parseIpAddress(text), undefined, text);
    }
  });
});

describe("ranges of addresses", () => {
  it("hold what begins with their prefix, in their own family", () => {
    const ranges = new IpRanges(["10.0.0.0/8", "192.168.7.0/25", "::1", "fc00::/7", "1.2.3.4"]);
    for (const text of ["10.255.0.1", "::ffff:10.0.0.1", "192.168.7.127", "::1", "fdff::1", "1.2.3.4"])
      assert.ok(ranges.containsText(text), text);
    for (const text of ["11.0.0.0", "192.168.7.128", "::2", "fe00::1", "1.2.3.5", "", "x", "::a00:1"])
      assert.ok(!ranges.containsText(text), text);
  });

  it("of one family hold nothing of the other", () => {
    assert.ok(!new IpRanges(["::/0"]).containsText("1.2.3.4"));
    assert.ok(!new IpRanges(["0.0.0.0/0"]).containsText("::2"));
    assert.ok(!new IpRanges(["0.0.0.0/0"]).isEverything);
    assert.ok(!new IpRanges(["0.0.0.0/0", "fd00::/8"]).isEverything);
    assert.ok(new IpRanges(["0.0.0.0/0", "::/0"]).isEverything);
  });

  it("leave the zone of a link-local address out of account", () => {
    assert.ok(new IpRanges(["fe80::/10"]).containsText("fe80::1%eth0"));
  });

  it("are refused when they have bits behind the prefix, or no prefix that fits", () => {
    for (const text of [
      "10.0.0.1/8",
      "10.0.0.0/33",
      "::1/127",
      "::/129",
      "10.0.0.0/",
      "10.0.0.0/08",
      "10.0.0.0/-1",
      "name",
    ])
      assert.equal(parseIpRange(text), undefined, text);
  });
});
