import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { parseSocketAddress } from "../../src/config/socket-address.ts";
import { OwnSockets } from "../../src/daemon/own-sockets.ts";
import { CLUSTER_DEFAULTS } from "../../src/resource/cluster.ts";
import { ENDPOINT_DEFAULTS } from "../../src/resource/endpoint.ts";

/** @returns those of these addresses that are left out, where the process listens on `bound`. */
function leftOut(bound: readonly string[], addresses: readonly (readonly [string, number])[]): string[] {
  const own = new OwnSockets(() => 0);
  for (const each of bound) own.add(parseSocketAddress(each)!);
  const endpoints = addresses.map(([address, port]) => ({
    key: `${address} ${port}`,
    address,
    port,
    ...ENDPOINT_DEFAULTS,
  }));
  const given = { name: "a.test", ...CLUSTER_DEFAULTS, endpoints };
  const { cluster, left } = own.leaveOut(given);
  assert.equal(cluster.endpoints.length + left.length, addresses.length);
  if (left.length === 0) assert.equal(cluster, given, "nothing is copied for nothing");
  return [...left];
}

test("an endpoint that is a socket of ours is left out, its port elsewhere is not", () => {
  const bound = ["127.0.0.1:9901", "10.0.0.5:9902"];
  assert.deepEqual(
    leftOut(bound, [
      ["127.0.0.1", 9901],
      ["127.0.0.1", 9902],
      ["10.0.0.5", 9902],
      ["10.0.0.6", 9901],
    ]),
    ["127.0.0.1:9901", "10.0.0.5:9902"],
  );
});

test("however the address is written", () => {
  const spellings = ["127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "0:0:0:0:0:ffff:7f00:0001"];
  for (const address of spellings)
    assert.equal(leftOut(["127.0.0.1:9901"], [[address, 9901]]).length, 1, address);
});

test("an unspecified address is loopback to who dials it", () => {
  for (const address of ["0.0.0.0", "::", "::ffff:0.0.0.0"]) {
    for (const bound of ["127.0.0.1:9901", "[::1]:9901", "0.0.0.0:9901", "[::]:9901"])
      assert.equal(leftOut([bound], [[address, 9901]]).length, 1, `${address} on ${bound}`);
    assert.deepEqual(leftOut(["127.0.0.1:9901"], [[address, 9902]]), []);
  }
});

test("what is bound to every address has all of loopback and of this machine's interfaces", () => {
  const interfaces = Object.values(networkInterfaces()).flatMap((each) =>
    (each ?? []).map(({ address }) => address),
  );
  const all = ["127.0.0.1", "127.9.9.9", "::ffff:127.9.9.9", "::ffff:7f09:909", "::1", ...interfaces];
  for (const bound of ["0.0.0.0:9901", "[::]:9901"]) {
    for (const address of all) assert.equal(leftOut([bound], [[address, 9901]]).length, 1, address);
    assert.deepEqual(leftOut([bound], [["192.0.2.1", 9901]]), []);
  }
});

test("unix sockets and ports not bound yet say nothing", () => {
  assert.deepEqual(leftOut(["unix:/run/a.sock", "127.0.0.1:0"], [["127.0.0.1", 9901]]), []);
});
