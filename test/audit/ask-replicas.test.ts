import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { askReplicas, listReplicasChanges, readerOf } from "../../src/audit/ask-replicas.ts";
import { AuditError, AuditReader } from "../../src/audit/audit-reader.ts";
import { REPOSITORY } from "../clients/harness/paths.ts";
import { service } from "../xds/service-builder.ts";
import { AuditRig, response, stream } from "./audit-fixture.ts";

const NAME = "echo.shop:50051";
let beginMs = 0;
let rigs: readonly [AuditRig, AuditRig];

beforeEach(async () => {
  beginMs = Date.now() + 1_000;
  rigs = [await AuditRig.start({ replica: "cp-0" }), await AuditRig.start({ replica: "cp-1" })];
  for (const rig of rigs) {
    rig.note({ kind: "service", model: service(NAME, 2) }, beginMs);
    rig.trail.synced();
    await rig.written();
  }
});

afterEach(() => Promise.all(rigs.map((rig) => rig.close())));

const second = (n: number): number => beginMs + n * 1_000;

/** A client is told the service's endpoints by a replica. */
function told(rig: AuditRig, id: number, node: string, version: string, at: number): void {
  rig.note({ kind: "opened", stream: stream(id, node) }, second(at));
  const answer = response({ [NAME]: version });
  rig.note({ kind: "pushed", stream: id, part: "endpoints", response: answer }, second(at));
  rig.note({ kind: "answered", stream: id, response: answer, message: undefined }, second(at) + 100);
}

async function readers(): Promise<AuditReader[]> {
  for (const rig of rigs) await rig.written();
  return Promise.all(rigs.map(({ folder }) => AuditReader.open(folder)));
}

describe("the audits of several replicas", () => {
  it("say of a node what the replica has that it was connected to last by then", async () => {
    told(rigs[0], 1, "n7", "v1", 1);
    told(rigs[1], 1, "n7", "v2", 5);
    const ask = async (at: number) =>
      askReplicas(await readers(), { atMs: second(at), node: "n7", service: "shop/echo" });
    const [early, late] = [await ask(3), await ask(8)];
    const versionOf = (view: typeof early): string =>
      view.services[0]!.clients[0]!.parts.find(({ part }) => part === "endpoints")!.version;
    assert.deepEqual([early.replica, versionOf(early)], ["cp-0", "v1"]);
    assert.deepEqual([late.replica, versionOf(late)], ["cp-1", "v2"]);
    assert.match(late.notes.at(-1)!, /^node n7 was connected to cp-1, of 2 replicas/);
    const chosen = await readerOf(await readers(), { atMs: second(8), node: "n7" });
    assert.equal(chosen.folder, rigs[1].folder);
  });

  it("have together the clients of all, each with its replica, and say what replicas knew differently", async () => {
    told(rigs[0], 1, "n1", "v1", 1);
    told(rigs[1], 1, "n2", "v1", 1);
    rigs[1].note({ kind: "service", model: service(NAME, 3) }, second(2));
    const view = await askReplicas(await readers(), { atMs: second(4), service: "shop/echo" });
    const { clients, known } = view.services[0]!;
    assert.deepEqual(clients.map(({ node, replica }) => `${node} ${replica}`).sort(), ["n1 cp-0", "n2 cp-1"]);
    assert.equal(Object.keys(known!.state.endpoints).length, 3, "what goes furthest");
    assert.match(view.notes.join("\n"), /^cp-0 knew other endpoints of echo\.shop:50051 than cp-1/m);
    const list = await askReplicas(await readers(), { atMs: second(4) });
    assert.deepEqual(
      list.list.map(({ name, endpoints }) => [name, endpoints]),
      [[NAME, 3]],
    );
  });

  it("say of what none of them has why not, folder by folder", async () => {
    const asked = askReplicas(await readers(), { atMs: second(1), node: "n9", service: "shop/echo" });
    await assert.rejects(asked, (error) => {
      assert.ok(error instanceof AuditError);
      for (const { folder } of rigs) assert.ok(error.message.includes(folder), error.message);
      return true;
    });
  });

  it("list changes of all in the order of time, with their replicas", async () => {
    rigs[0].note({ kind: "service", model: service(NAME, 3) }, second(2));
    rigs[1].note({ kind: "service", model: service(NAME, 3) }, second(3));
    rigs[0].note({ kind: "service", model: service(NAME, 4) }, second(4));
    const changes: string[] = [];
    const question = { sinceMs: second(1), untilMs: second(9) };
    for await (const { replica, at } of listReplicasChanges(await readers(), question))
      changes.push(`${replica} ${Math.round((Date.parse(at) - beginMs) / 1_000)}`);
    assert.deepEqual(changes, ["cp-0 2", "cp-1 3", "cp-0 4"]);
  });

  it("are read by the command that names several folders", async () => {
    told(rigs[0], 1, "n1", "v1", 0);
    told(rigs[1], 1, "n2", "v1", 0);
    await readers();
    const run = (...args: string[]) => {
      const program = [join(REPOSITORY, "src/cli/launch.mjs"), "audit", ...args];
      for (const { folder } of rigs) program.push("--dir", folder);
      return spawnSync(process.execPath, program, { encoding: "utf8" });
    };
    const at = run("at", new Date(second(1)).toISOString(), "--service", "shop/echo");
    assert.match(at.stdout, /of cp-0, cp-1|of cp-1, cp-0/, at.stderr);
    assert.match(at.stdout, /^n1 .* cp-0 +accepted$/m);
    assert.match(at.stdout, /^n2 .* cp-1 +accepted$/m);
    const verified = run("verify");
    assert.equal(verified.status, 0, verified.stderr);
    for (const { folder } of rigs) assert.ok(verified.stdout.includes(`${folder}: `), verified.stdout);
  });
});
