import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { closeDeadLedgers, readLedgers } from "../../../src/daemon/capture/dead-generations.ts";
import { Ledger } from "../../../src/daemon/capture/ledger.ts";
import type { LedgerCounts, LedgerRecord } from "../../../src/daemon/capture/ledger-record.ts";
import { readLedger, sealed } from "../../../src/daemon/capture/ledger-record.ts";
import { writeRunFile } from "../../../src/daemon/capture/run-file.ts";
import { until } from "../../proxy/fixture/until.ts";

describe("what a generation has done", () => {
  let runDir: string;
  let counts: LedgerCounts;
  const failures: unknown[] = [];

  beforeEach(() => {
    runDir = mkdtempSync(join(tmpdir(), "isobar-ledger-"));
    counts = { accepted: 0, finished: {}, ended: 0, open: 0 };
    failures.length = 0;
  });
  afterEach(() => rmSync(runDir, { recursive: true }));

  const pathOf = (generation: string): string => join(runDir, "ledger", `${generation}.jsonl`);
  const open = (generation: string): Ledger =>
    new Ledger({
      path: pathOf(generation),
      read: () => counts,
      mark: () => counts.accepted + counts.open / 1024,
      onFailed: (error) => failures.push(error),
    });
  const records = (generation: string): readonly LedgerRecord[] =>
    readLedger(readFileSync(pathOf(generation), "utf8")).records;
  /** A ledger that ends without a closing record, an hour ago. */
  function leave(generation: string, ...all: LedgerCounts[]): void {
    mkdirSync(join(runDir, "ledger"), { recursive: true });
    let previous = "";
    for (const [i, each] of all.entries()) {
      const record = sealed({
        kind: "counts",
        sequence: i + 1,
        atMs: Date.now() - 3_600_000 + i * 100,
        ...each,
        previous,
      });
      previous = record.hash;
      appendFileSync(pathOf(generation), `${JSON.stringify(record)}\n`);
    }
  }

  it("is written when something has happened, in a chain that ends with a closing record", async () => {
    const ledger = open("a");
    counts = { accepted: 3, finished: { 0: 1 }, ended: 0, open: 2 };
    await until("written", () => records("a").length === 2);
    counts = { accepted: 3, finished: { 0: 2, 14: 1 }, ended: 1, open: 0 };
    ledger.close();
    const written = records("a");
    assert.deepEqual(
      written.map(({ kind }) => kind),
      ["counts", "counts", "closed"],
    );
    assert.deepEqual(
      [written[2]!.accepted, written[2]!.ended, written[2]!.finished],
      [3, 1, { 0: 2, 14: 1 }],
    );
    assert.deepEqual(failures, []);
    const [view] = readLedgers(runDir, Date.now());
    assert.deepEqual([view!.state, view!.whole], ["closed", true]);
  });

  it("cannot be changed, shortened in the middle or put in another order unseen", () => {
    leave("a", counts, { ...counts, accepted: 5 }, { ...counts, accepted: 9 });
    const lines = readFileSync(pathOf("a"), "utf8").trim().split("\n");
    assert.ok(readLedger(lines.join("\n")).whole);
    for (const other of [
      [lines[0], lines[2]],
      [lines[0], lines[2], lines[1]],
      [lines[0], lines[1]!.replace('"accepted":5', '"accepted":4'), lines[2]],
    ])
      assert.equal(readLedger(other.join("\n")).whole, false);
  });

  it("of one that died is closed by the next, with what was lost at least and at most", () => {
    leave(
      "dead",
      { accepted: 100, finished: { 0: 90 }, ended: 0, open: 10 },
      { accepted: 120, finished: { 0: 105 }, ended: 0, open: 15 },
      { accepted: 130, finished: { 0: 112 }, ended: 0, open: 18 },
    );
    // Killed while it wrote.
    appendFileSync(pathOf("dead"), '{"kind":"cou');
    const [died, ...others] = closeDeadLedgers(runDir, "own", Date.now());
    assert.deepEqual(others, []);
    // At most 15 ended, and 20 came, between two records.
    assert.deepEqual([died!.generation, died!.record.lostAtLeast, died!.record.lostAtMost], ["dead", 3, 38]);
    assert.deepEqual(closeDeadLedgers(runDir, "own", Date.now()), [], "once");
    assert.equal(readLedgers(runDir, Date.now())[0]!.state, "died");
  });

  it("of one that lives is let be, and its folder too", () => {
    leave("alive", { ...counts, open: 4 });
    writeRunFile(join(runDir, "alive", "generation.json"), { format: 1, writtenMs: Date.now() });
    assert.deepEqual(closeDeadLedgers(runDir, "own", Date.now()), []);
    assert.equal(readLedgers(runDir, Date.now())[0]!.state, "alive");
    assert.ok(existsSync(join(runDir, "alive")));
    const later = Date.now() + 2 * 3_600_000;
    assert.equal(closeDeadLedgers(runDir, "own", later).length, 1);
    assert.ok(!existsSync(join(runDir, "alive")), "a folder of the dead goes after an hour");
  });

  it("of one that lives is let be whatever its files' format is: it may be of another release", () => {
    leave("newer", { ...counts, open: 4 });
    writeRunFile(join(runDir, "newer", "generation.json"), { format: 2, lives: true });
    assert.deepEqual(closeDeadLedgers(runDir, "own", Date.now()), []);
    assert.equal(readLedgers(runDir, Date.now())[0]!.state, "alive");
    assert.ok(existsSync(join(runDir, "newer")));
  });

  it("is read with what a later release says more in it, and closed when its generation died", () => {
    mkdirSync(join(runDir, "ledger"));
    const atMs = Date.now() - 60_000;
    const more = { ...counts, accepted: 7, finished: { 0: 5 }, open: 2, byNamespace: { shop: 7 } };
    const first = sealed({ kind: "counts", sequence: 1, atMs, ...more, previous: "" });
    const kind = "noted" as LedgerRecord["kind"];
    const last = sealed({ ...more, kind, sequence: 2, atMs, previous: first.hash });
    writeFileSync(pathOf("newer"), `${JSON.stringify(first)}\n${JSON.stringify(last)}\n`);
    assert.deepEqual([readLedgers(runDir, Date.now())[0]!.state, records("newer").length], ["died", 2]);
    const [died] = closeDeadLedgers(runDir, "own", Date.now());
    assert.deepEqual([died!.record.lostAtLeast, died!.record.lostAtMost], [2, 2]);
    const text = readFileSync(pathOf("newer"), "utf8");
    assert.ok(readLedger(text).whole);
    assert.match(text, /"byNamespace":\{"shop":7\}/, "what is not understood stays");
  });

  it("with a name that leads out of the folder is none", () => {
    leave("..", counts);
    assert.deepEqual(closeDeadLedgers(runDir, "own", Date.now()), []);
    assert.ok(existsSync(runDir));
  });

  it("is kept of the last twenty", () => {
    for (let i = 0; i < 25; i++) leave(`g${i}`, counts);
    closeDeadLedgers(runDir, "own", Date.now());
    assert.equal(readLedgers(runDir, Date.now()).length, 20);
  });

  it("has a bounded file, whose chain goes on", () => {
    const ledger = open("long");
    for (let i = 1; i <= 6_100; i++) {
      counts = { ...counts, accepted: i };
      ledger.look();
    }
    ledger.close();
    const text = readFileSync(pathOf("long"), "utf8");
    const read = readLedger(text);
    assert.ok(read.whole);
    assert.ok(read.records.length <= 6_000);
    assert.deepEqual([read.records.at(-1)!.kind, read.records.at(-1)!.accepted], ["closed", 6_100]);
  });

  it("that cannot be written is told once, and costs nothing else", () => {
    writeFileSync(join(runDir, "ledger"), "in the way");
    const ledger = open("a");
    counts = { ...counts, accepted: 1 };
    ledger.look();
    ledger.close();
    assert.equal(failures.length, 1);
  });
});
