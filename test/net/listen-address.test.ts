import assert from "node:assert/strict";
import { test } from "node:test";
import { parseListenAddress } from "../../src/net/listen-address.ts";

for (const [text, wanted] of [
  ["127.0.0.1:15001", { host: "127.0.0.1", port: 15_001 }],
  ["[::1]:80", { host: "::1", port: 80 }],
  ["0.0.0.0:0", { host: "0.0.0.0", port: 0 }],
  ["unix:/run/isobar.sock", { path: "/run/isobar.sock" }],
] as const) {
  test(`${text} is a listener's address`, () => assert.deepEqual(parseListenAddress(text), wanted));
}

for (const text of ["127.0.0.1", ":80", "127.0.0.1:65536", "127.0.0.1:http", ""]) {
  test(`"${text}" is no listener's address, and the error quotes it`, () => {
    assert.throws(() => parseListenAddress(text), new RegExp(`found "${text}"`));
  });
}
