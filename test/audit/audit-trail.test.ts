import assert from "node:assert/strict";
import { appendFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { verifyAudit } from "../../src/audit/verify-audit.ts";
import { service } from "../xds/service-builder.ts";
import { AuditRig } from "./audit-fixture.ts";

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + 20_000;
  while (!(await holds())) {
    assert.ok(performance.now() < untilMs, "not within 20 s");
    await sleep(5);
  }
}

async function brokenPlaces(rig: AuditRig): Promise<readonly string[]> {
  const { findings } = await verifyAudit(rig.folder);
  return findings.filter(({ severity }) => severity === "broken").map(({ text }) => text);
}

describe("the files of an audit", () => {
  it("begin when everything is known, with everything as it is", async () => {
    const rig = await AuditRig.start();
    rig.note({ kind: "service", model: service("a:1", 2) });
    await sleep(30);
    assert.deepEqual(await rig.files(), []);
    rig.trail.synced();
    await rig.written();
    const kinds = (await rig.records()).map(({ kind }) => kind);
    assert.deepEqual(kinds, ["file", "service", "complete", "policy"]);
    await rig.close();
  });

  it("follow each other without a gap, are begun anew when they are full, and the oldest are deleted", async () => {
    const rig = await AuditRig.start({ fileOctets: 3_000, maxFiles: 4 });
    rig.trail.synced();
    for (let i = 0; i < 60; i++) {
      rig.note({ kind: "service", model: service("a:1", i % 7) });
      await rig.written();
    }
    const files = await rig.files();
    assert.equal(files.length, 4);
    assert.deepEqual(await brokenPlaces(rig), []);
    for (const name of files) assert.match((await rig.lines(name)).join("\n"), /"kind":"complete"/);
    await rig.close();
  });

  it("go on after a process that was killed in the middle of a line", async () => {
    const rig = await AuditRig.start();
    rig.trail.synced();
    rig.note({ kind: "service", model: service("a:1", 2) });
    await rig.written();
    await rig.trail.close();
    const [first = ""] = await rig.files();
    await appendFile(join(rig.folder, first), '{"n":99,"at":"2026');
    await rig.open();
    rig.note({ kind: "service", model: service("a:1", 3) });
    rig.trail.synced();
    await rig.written();
    assert.equal((await rig.files()).length, 2);
    const { findings } = await verifyAudit(rig.folder);
    assert.deepEqual(
      findings.map(({ severity, text }) => `${severity} ${text}`),
      ["notice the file before ends with 18 octets of a record whose writer was killed or had no room"],
    );
    await rig.close();
  });

  it("have all that was noted before the end, however soon it comes", async () => {
    const rig = await AuditRig.start();
    rig.trail.synced();
    await rig.written();
    rig.note({ kind: "service", model: service("last:1", 1) });
    await rig.trail.close();
    assert.ok((await rig.records()).some((each) => each.kind === "changed" && each.name === "last:1"));
    await rig.close();
  });
});

describe("a folder that cannot be written to", () => {
  it("is said once, and the next file says since when and how much is missing, and has the state as it is", async () => {
    const rig = await AuditRig.start();
    rig.trail.synced();
    rig.note({ kind: "service", model: service("a:1", 1) });
    await rig.written();
    await rm(rig.folder, { recursive: true });
    await writeFile(rig.folder, "no folder any more");
    for (let i = 2; i < 10; i++) {
      rig.note({ kind: "service", model: service("a:1", i) });
      await sleep(10);
    }
    await until(() => !rig.trail.isWriting && rig.trail.lost > 0);
    assert.equal(rig.log.filter((line) => line.includes("cannot be written")).length, 1);
    await rm(rig.folder);
    await mkdir(rig.folder);
    await until(() => rig.trail.isWriting);
    await rig.written();
    const [head, state] = await rig.records();
    assert.ok(head?.kind === "file" && head.gap !== undefined && head.skips > 0);
    assert.ok(state?.kind === "service" && Object.keys(state.state.endpoints).length === 9);
    assert.deepEqual(await brokenPlaces(rig), []);
    assert.match(rig.log.at(-1)!, /written again/);
    await rig.close();
  });

  it("is refused at the start", async () => {
    const rig = await AuditRig.start();
    const file = join(rig.folder, "file");
    await writeFile(file, "");
    await assert.rejects(AuditRig.start({ folder: join(file, "audit") }), /ENOTDIR/);
    await rig.close();
  });

  it("to which somebody else writes too is noticed, and left for a new file", async () => {
    const rig = await AuditRig.start();
    rig.trail.synced();
    await rig.written();
    const [first = ""] = await rig.files();
    await appendFile(join(rig.folder, first), "{}\n");
    rig.note({ kind: "service", model: service("a:1", 1) });
    await until(async () => (await rig.files()).length === 2);
    assert.match(rig.log.join(""), /somebody else writes there/);
    await rig.close();
  });
});

describe("more than can be written", () => {
  it("is taken up and counted; memory stays bounded", async () => {
    const rig = await AuditRig.start();
    rig.trail.synced();
    await rig.written();
    const models = [service("a:1", 1), service("a:1", 2)];
    for (let i = 0; i < 200_002; i++) rig.note({ kind: "service", model: models[i % 2]! });
    assert.ok(rig.trail.lost >= 200_000);
    await until(() => rig.trail.isWriting && rig.trail.written > 4);
    await rig.written();
    assert.deepEqual(await brokenPlaces(rig), []);
    const records = await rig.records();
    assert.ok(records.some((each) => each.kind === "file" && each.gap !== undefined));
    await rig.close();
  });
});
