import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { hashOfLine, sealRecord } from "../../src/audit/sealed-line.ts";
import { verifyAudit } from "../../src/audit/verify-audit.ts";
import { service } from "../xds/service-builder.ts";
import { AuditRig } from "./audit-fixture.ts";

let rig: AuditRig;

/** Two files: the second begins where the first was full. */
beforeEach(async () => {
  rig = await AuditRig.start({ fileOctets: 4_000 });
  rig.trail.synced();
  for (let i = 1; (await rig.files()).length < 3; i++) {
    rig.note({ kind: "service", model: service("a:1", i % 5) });
    await rig.written();
  }
  await rig.trail.close();
});

afterEach(() => rig.close());

/** Changes the lines of a file; the last one is empty. */
async function tamper(position: number, change: (lines: string[]) => string[]): Promise<string> {
  const name = (await rig.files()).at(position)!;
  const path = join(rig.folder, name);
  await writeFile(path, change((await readFile(path, "utf8")).split("\n")).join("\n"));
  return name;
}

async function broken(heads: readonly string[] = []): Promise<string[]> {
  const { findings } = await verifyAudit(rig.folder, heads);
  return findings
    .filter(({ severity }) => severity === "broken")
    .map(({ place, text }) => `${place} ${text}`);
}

describe("an audit as it was written", () => {
  it("is a chain through all files, and has the heads that were published", async () => {
    const { head } = rig.trail;
    const { files, records, last, findings, heads } = await verifyAudit(rig.folder, [
      head.hash,
      head.hash.slice(0, 12),
    ]);
    assert.deepEqual(findings, []);
    assert.ok(files >= 3 && records > 10);
    assert.deepEqual([last?.n, last?.hash], [head.n, head.hash]);
    assert.deepEqual(
      heads.map(({ n }) => n),
      [head.n, head.n],
    );
  });

  it("can be checked with a shell: the hash is that of the former hash and the line without its own", async () => {
    const [first = "", second = ""] = await rig.lines((await rig.files())[0]!);
    const previous = /"hash":"(\w+)"}$/.exec(first)![1]!;
    const text = second.replace(/,"hash":"\w+"}$/, "}");
    const { stdout } = spawnSync("sha256sum", { input: previous + text, encoding: "utf8" });
    assert.equal(stdout.slice(0, 64), /"hash":"(\w+)"}$/.exec(second)![1]);
  });

  it("begins where older files have been deleted, which is no fault", async () => {
    await rm(join(rig.folder, (await rig.files())[0]!));
    const { findings } = await verifyAudit(rig.folder);
    assert.deepEqual(
      findings.map(({ severity }) => severity),
      ["notice"],
    );
  });
});

describe("an audit that somebody has changed", () => {
  it("shows a changed line, and only that one", async () => {
    const name = await tamper(0, (lines) =>
      lines.map((line, i) => (i === 4 ? line.replace("10.0.0.", "10.9.9.").replace("test/", "tost/") : line)),
    );
    assert.deepEqual(await broken(), [`${name}:5 this line, or the hash of the one before it, was changed`]);
  });

  it("shows a line that was sealed anew by the next one", async () => {
    const name = await tamper(0, (lines) => {
      const changed = lines[4]!.replace(/"hash":"\w+"}$/, '"extra":1,"hash":"');
      const hash = hashOfLine(/(\w{64})"}$/.exec(lines[3]!)![1]!, `${changed}${"0".repeat(64)}"}`);
      return lines.map((line, i) => (i === 4 ? `${changed}${hash}"}` : line));
    });
    assert.deepEqual(await broken(), [`${name}:6 this line, or the hash of the one before it, was changed`]);
  });

  it("shows a line that was taken out, one that was added, and two that changed places", async () => {
    const name = await tamper(0, (lines) => lines.toSpliced(4, 1));
    assert.deepEqual(await broken(), [`${name}:5 a line is missing before this one`]);
    await tamper(0, (lines) => {
      const added = sealRecord("0".repeat(64), 10_000, 0, { kind: "closed", stream: 1 }).line;
      return lines.toSpliced(6, 0, added);
    });
    assert.equal(
      (await broken()).filter((each) => each.startsWith(`${name}:7 `) || each.startsWith(`${name}:8 `))
        .length,
      2,
    );
    await tamper(1, (lines) => lines.toSpliced(2, 2, lines[3]!, lines[2]!));
    assert.ok((await broken()).some((each) => each.includes("another order")));
  });

  it("shows lines cut off the end of a file by the next file, and whole files that are missing", async () => {
    const next = (await rig.files())[1]!;
    await tamper(0, (lines) => [...lines.slice(0, -3), ""]);
    assert.match((await broken()).join(), new RegExp(`${next}:1 does not go on from record`));
    await rm(join(rig.folder, next));
    assert.match((await broken()).join(), /whole files, are missing/);
  });

  it("shows lines cut off the newest file only by a published head", async () => {
    const { hash } = rig.trail.head;
    await tamper(-1, (lines) => [...lines.slice(0, -2), ""]);
    assert.deepEqual(await broken(), []);
    assert.match((await broken([hash])).join(), /is the hash of no record/);
  });

  it("shows what is no record any more, and octets behind the last one", async () => {
    const name = await tamper(0, (lines) => lines.map((line, i) => (i === 5 ? "{}" : line)));
    assert.match((await broken())[0]!, new RegExp(`^${name}:6 this line was changed: it has no hash`));
    await tamper(0, (lines) => lines.with(-1, '{"n":'));
    assert.ok(
      (await broken()).some((each) => each.includes("had 0 octets of an unfinished record, and has 5")),
    );
  });
});
