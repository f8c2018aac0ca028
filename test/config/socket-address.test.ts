import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addressesCollide,
  formatSocketAddress,
  isLoopback,
  parseSocketAddress,
} from "../../src/config/socket-address.ts";

test("addresses of the three forms are taken apart and put together again", () => {
  assert.deepEqual(parseSocketAddress("127.0.0.1:80"), { kind: "ip", host: "127.0.0.1", port: 80 });
  assert.deepEqual(parseSocketAddress("[::1]:0"), { kind: "ip", host: "::1", port: 0 });
  assert.deepEqual(parseSocketAddress("unix:/run/a.sock"), { kind: "unix", path: "/run/a.sock" });
  for (const text of ["127.0.0.1:80", "[::1]:0", "unix:/run/a.sock"]) {
    assert.equal(formatSocketAddress(parseSocketAddress(text)!), text);
  }
});

test("everything else is not an address", () => {
  const wrong = [
    "",
    "80",
    ":80",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:65536",
    "1.2.3:1",
    "::1:80",
    "[127.0.0.1]:80",
  ];
  for (const text of [
    ...wrong,
    "[::1]",
    "localhost:80",
    "unix:a",
    `unix:/${"a".repeat(107)}`,
    " 127.0.0.1:80",
  ]) {
    assert.equal(parseSocketAddress(text), undefined, text);
  }
});

test("loopback is 127.0.0.0/8, ::1 and unix sockets", () => {
  const of = (text: string) => isLoopback(parseSocketAddress(text)!);
  assert.deepEqual(["127.9.9.9:1", "[::1]:1", "unix:/a", "0.0.0.0:1", "10.0.0.1:1", "[::]:1"].map(of), [
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

test("a wildcard collides with every host of its port, port 0 with none", () => {
  const collide = (a: string, b: string) => addressesCollide(parseSocketAddress(a)!, parseSocketAddress(b)!);
  assert.equal(collide("0.0.0.0:1", "127.0.0.1:1"), true);
  assert.equal(collide("127.0.0.1:1", "127.0.0.2:1"), false);
  assert.equal(collide("127.0.0.1:0", "127.0.0.1:0"), false);
  assert.equal(collide("unix:/a", "unix:/a"), true);
  assert.equal(collide("unix:/a", "127.0.0.1:1"), false);
});
