import assert from "node:assert/strict";
import { test } from "node:test";
import { ResourceTable } from "../../../src/xds/client/resource-table.ts";
import { TYPE_URL } from "../../../src/xds/resources/type-url.ts";

/** Decodes a name of 16 octets, filled up by spaces, and what follows. */
function tableOf(isLarge: boolean, keepOctets = true) {
  const table = new ResourceTable({
    kind: {
      typeUrl: TYPE_URL.loadAssignment,
      decode: (octets) => {
        const name = Buffer.from(octets.subarray(0, 16)).toString("latin1").trim();
        return { value: { name, content: [...octets.subarray(16, 20)] } };
      },
      nameOf: ({ name }: { readonly name: string }) => name,
      isLarge,
    },
    keepOctets,
    onChange: () => {},
  });
  const receive = (name: string, content: Uint8Array): string => {
    // A part of a message.
    const message = Buffer.concat([Buffer.alloc(7, 1), Buffer.from(name.padEnd(16), "latin1"), content]);
    const octets = message.subarray(7);
    return table.receive({ name, version: "1", typeUrl: TYPE_URL.loadAssignment, octets, deliberate: false });
  };
  return { table, receive };
}

test("what is kept of a resource is what came, octet by octet, however often it is asked for", () => {
  const { table, receive } = tableOf(false);
  const content = Uint8Array.from({ length: 256 }, (_, octet) => octet);
  table.add("a");
  assert.equal(receive("a", content), "");
  for (let round = 0; round < 2; round++) {
    const kept = table.get("a")!.octets!;
    assert.deepEqual([...kept.subarray(16)], [...content]);
    kept.fill(0);
  }
  table.remove("a");
  assert.equal(table.get("a")!.octets, undefined);
  assert.equal(table.get("a")!.value, undefined);
});

test("nothing is kept of a small one where there is no disk, and of a large one what it can be made of again", () => {
  const [small, large] = [tableOf(false, false), tableOf(true, false)];
  for (const { table, receive } of [small, large]) {
    table.add("a");
    receive("a", Uint8Array.of(1, 2, 3, 4));
    assert.deepEqual((table.get("a")!.value as { content: number[] }).content, [1, 2, 3, 4]);
  }
  assert.equal(small.table.get("a")!.octets, undefined);
  assert.equal(large.table.get("a")!.octets!.length, 20);
});

test("a resource is no part of the message that it came in, nor of the file", () => {
  const { table, receive } = tableOf(true);
  for (const name of ["came", "stored"]) table.add(name);
  const content = Buffer.alloc(64, 200);
  receive("came", content);
  const stored = Buffer.concat([Buffer.from("stored".padEnd(16), "latin1"), content]);
  assert.equal(table.restore("stored", "1", stored), "");
  stored.fill(0);
  assert.equal(table.get("stored")!.fromDisk, true);
  for (const name of ["came", "stored"]) {
    const { octets } = table.get(name)!;
    assert.equal(octets!.length, 80);
    assert.equal(octets!.at(-1), 200);
  }
});
