import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SeededRandom } from "../../../src/base/random.ts";
import { AdsConnection } from "../../../src/xds/client/ads-connection.ts";
import type { AdsStreamOwner, AdsTransport } from "../../../src/xds/client/ads-transport.ts";
import { ResourceTable } from "../../../src/xds/client/resource-table.ts";
import { decodeLoadAssignment } from "../../../src/xds/resources/decode-load-assignment.ts";
import { TYPE_URL } from "../../../src/xds/resources/type-url.ts";
import { WireReader } from "../../../src/xds/resources/wire-reader.ts";
import { WireWriter } from "../../../src/xds/resources/wire-writer.ts";

/** One stream as the control plane has it. */
interface Opened {
  readonly address: string;
  readonly owner: AdsStreamOwner;
  readonly requests: Buffer[];
  closed: boolean;
}

function rig(addresses: readonly string[]) {
  const opened: Opened[] = [];
  const transport: AdsTransport = {
    open: (address, owner) => {
      const stream: Opened = { address, owner, requests: [], closed: false };
      opened.push(stream);
      return {
        send: (message) => stream.requests.push(message),
        close: () => {
          stream.closed = true;
        },
      };
    },
    close: () => {},
  };
  const table = new ResourceTable({
    kind: {
      typeUrl: TYPE_URL.loadAssignment,
      decode: decodeLoadAssignment,
      nameOf: ({ name }: { readonly name: string }) => name,
    },
    keepOctets: false,
    onChange: () => {},
  });
  let nowMs = 0;
  const connection = new AdsConnection(
    {
      addresses,
      transport,
      node: { id: "n", zone: "z", region: "", userAgentVersion: "1" },
      tables: [table],
      clock: { nowMs: () => nowMs },
      random: new SeededRandom(1),
      onConnected: () => {},
      onDisconnected: () => {},
      onAnswer: () => {},
    },
    { backoffMs: 4, maxBackoffMs: 8, spreadMs: 1, lookMs: 2, absentMs: 100, confirmMs: 50 },
  );
  const pass = async (ms: number): Promise<void> => {
    nowMs += ms;
    await sleep(15);
  };
  return { opened, table, connection, pass };
}

/** Names by field of a request. */
function texts(request: Buffer, field: number): string[] {
  const reader = new WireReader(request);
  const found: string[] = [];
  while (reader.next()) {
    if (reader.field === field) found.push(reader.string());
    else reader.skip();
  }
  return found;
}

function answer(name: string, version: string, nonce: string, inner = name): Buffer {
  return new WireWriter()
    .message(2, (resource) =>
      resource
        .string(1, version)
        .message(2, (any) =>
          any.string(1, TYPE_URL.loadAssignment).message(2, (assignment) => assignment.string(1, inner)),
        )
        .string(3, name),
    )
    .string(4, TYPE_URL.loadAssignment)
    .string(5, nonce)
    .finish();
}

describe("the connection with control planes", () => {
  it("tries one address after the other, and goes on with the one that answers", async () => {
    const { opened, connection, pass } = rig(["one:1", "two:1", "three:1"]);
    connection.start();
    opened[0]!.owner.onEnd("refused");
    await pass(0);
    opened[1]!.owner.onOpen();
    assert.deepEqual(
      opened.map(({ address }) => address),
      ["one:1", "two:1"],
    );
    assert.ok(connection.isConnected);
    connection.close();
    assert.ok(opened[1]!.closed);
  });

  it("asks on a new stream for all that is wanted, with the versions it has", async () => {
    const { opened, table, connection, pass } = rig(["one:1"]);
    connection.start();
    opened[0]!.owner.onOpen();
    assert.equal(opened[0]!.requests.length, 0, "nothing is wanted");
    table.add("svc");
    connection.changed();
    await pass(0);
    assert.deepEqual(texts(opened[0]!.requests[0]!, 3), ["svc"]);
    opened[0]!.owner.onMessage(answer("svc", "v1", "n1"));
    assert.deepEqual(texts(opened[0]!.requests[1]!, 6), ["n1"]);
    assert.equal(table.get("svc")?.version, "v1");
    opened[0]!.owner.onEnd("gone");
    await pass(0);
    opened[1]!.owner.onOpen();
    assert.ok(opened[1]!.requests[0]!.includes("v1"));
    connection.close();
  });

  it("refuses what is wrong by the nonce, keeps the last good version, and asks anew for what it had forgotten", async () => {
    const { opened, table, connection, pass } = rig(["one:1"]);
    table.add("svc");
    connection.start();
    const { owner, requests } = opened[0]!;
    owner.onOpen();
    owner.onMessage(answer("svc", "v1", "n1"));
    owner.onMessage(answer("svc", "v2", "n2", "other"));
    assert.match(
      requests.at(-1)!.toString(),
      /n2.*svc version v2: found the name "other" within it, wanted "svc"/s,
    );
    assert.equal(table.get("svc")?.version, "v1");
    owner.onMessage(new WireWriter().string(4, "type.test/Unknown").string(5, "n3").finish());
    assert.match(requests.at(-1)!.toString(), /n3.*which were not asked for/s);
    table.delete("svc");
    table.add("svc");
    connection.changed();
    await pass(0);
    assert.deepEqual(texts(requests.at(-1)!, 3), ["svc"]);
    owner.onMessage(answer("nobody", "v1", "n4"));
    assert.equal(table.get("nobody"), undefined, "what is not wanted is passed over");
    connection.close();
  });

  it("takes silence for absence, where something was asked for and a stream stood", async () => {
    const { opened, table, connection, pass } = rig(["one:1"]);
    table.add("svc");
    connection.start();
    await pass(1_000);
    assert.equal(table.get("svc")?.state, "asked", "nobody could be asked");
    opened[0]!.owner.onOpen();
    await pass(99);
    assert.equal(table.get("svc")?.state, "asked");
    await pass(1);
    assert.equal(table.get("svc")?.state, "absent");
    opened[0]!.owner.onMessage(answer("svc", "v1", "n1"));
    assert.equal(table.get("svc")?.state, "present", "it may come all the same");
    connection.close();
  });

  it("leaves a control plane that says nothing at all for the next one, and one that talks nonsense", async () => {
    const { opened, table, connection, pass } = rig(["one:1", "two:1"]);
    table.add("svc");
    connection.start();
    opened[0]!.owner.onOpen();
    await pass(51);
    assert.ok(opened[0]!.closed);
    await pass(0);
    assert.equal(opened[1]!.address, "two:1");
    opened[1]!.owner.onOpen();
    opened[1]!.owner.onMessage(Buffer.from([0xff]));
    assert.ok(opened[1]!.closed);
    connection.close();
  });
});
