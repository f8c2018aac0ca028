import assert from "node:assert/strict";
import { isIP } from "node:net";
import { it } from "node:test";
import { isIpAddress, parseIpAddress } from "../../src/base/ip-address.ts";
import { SeededRandom } from "../../src/base/random.ts";

it("texts made of an address's own characters are addresses where Node says so, and nowhere else", () => {
  const random = new SeededRandom(1);
  const characters = "0123456789.......:abcf25";
  let addresses = 0;
  for (let n = 0; n < 200_000; n++) {
    const length = 1 + random.nextInt(17);
    let text = "";
    if (n % 2 === 0) {
      for (let i = 0; i < length; i++) text += characters[random.nextInt(characters.length)];
    } else {
      const parts = Array.from({ length: 3 + random.nextInt(3) }, () => String(random.nextInt(300)));
      if (random.nextInt(8) === 0) parts[0] = `0${parts[0]}`;
      text = parts.join(".");
    }
    const wanted = isIP(text) !== 0;
    if (wanted) addresses++;
    assert.equal(isIpAddress(text), wanted, text);
    assert.equal(parseIpAddress(text) !== undefined, wanted, text);
  }
  assert.ok(addresses > 10_000, `${addresses} of them were addresses`);
});

it("an IPv4 address is its 32 bits", () => {
  assert.deepEqual(parseIpAddress("255.0.10.1"), Uint32Array.of(0, 0, 0xffff, 0xff000a01));
  assert.deepEqual(parseIpAddress("::ffff:255.0.10.1"), Uint32Array.of(0, 0, 0xffff, 0xff000a01));
  for (const text of [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "01.2.3.4",
    "1.2.3.256",
    "1..2.3",
    "1.2.3.",
    ".1.2.3",
    "1.2.3.4 ",
  ])
    assert.equal(parseIpAddress(text), undefined, text);
});
