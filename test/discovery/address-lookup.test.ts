import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { AddressLookup } from "../../src/discovery/address-lookup.ts";
import { createAddressLookup } from "../../src/discovery/address-lookup.ts";
import { DnsServer, ResponseCode } from "./dns-server.ts";

const server = new DnsServer();
let lookup: AddressLookup;
before(async () => {
  lookup = createAddressLookup([await server.start()]);
});
after(() => server.stop());

test("addresses come with their TTL", async () => {
  server.reply = { kind: "addresses", ipv4: ["10.0.0.1", "10.0.0.2"], ttlSeconds: 7 };
  assert.deepEqual(await lookup("a.test", "ipv4"), {
    kind: "addresses",
    addresses: ["10.0.0.1", "10.0.0.2"],
    ttlMs: 7_000,
  });
});

test("no record of the family is an answer, and so is no such name", async () => {
  assert.deepEqual(await lookup("a.test", "ipv6"), { kind: "empty" });
  server.reply = { kind: "code", code: ResponseCode.nameError };
  assert.deepEqual(await lookup("b.test", "ipv4"), { kind: "empty" });
});

test("a server that fails or refuses gives no answer", async () => {
  server.reply = { kind: "code", code: ResponseCode.serverFailure };
  assert.deepEqual(await lookup("c.test", "ipv4"), { kind: "failed", reason: "ESERVFAIL" });
  server.reply = { kind: "code", code: ResponseCode.refused };
  assert.deepEqual(await lookup("d.test", "ipv4"), { kind: "failed", reason: "EREFUSED" });
});
