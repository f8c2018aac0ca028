import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ConfigFileWatch } from "../../src/discovery/config-file-watch.ts";

let folder: string;
let watch: ConfigFileWatch | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "isobar-"));
});
afterEach(() => {
  watch?.close();
  rmSync(folder, { recursive: true });
});

const NEVER_MS = 60_000;

function watched(file: string, text: string, pollMs = NEVER_MS): { changes: number } {
  const seen = { changes: 0 };
  watch = new ConfigFileWatch(file, text, () => seen.changes++, { settleMs: 40, pollMs });
  return seen;
}

async function settled(): Promise<void> {
  await sleep(250);
}

test("a change in place is told once, although it is written in parts", async () => {
  const file = join(folder, "a.yaml");
  writeFileSync(file, "one");
  const seen = watched(file, "one");
  writeFileSync(file, "tw");
  writeFileSync(file, "two");
  await settled();
  assert.equal(seen.changes, 1);
});

test("a file that is replaced by rename is seen, again and again", async () => {
  const file = join(folder, "a.yaml");
  writeFileSync(file, "one");
  const seen = watched(file, "one");
  for (const text of ["two", "three"]) {
    writeFileSync(join(folder, "next"), text);
    renameSync(join(folder, "next"), file);
    await settled();
  }
  assert.equal(seen.changes, 2);
});

test("a ConfigMap, whose folder link is swapped, is seen", async () => {
  for (const version of ["v1", "v2"]) {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, "a.yaml"), version);
  }
  symlinkSync("v1", join(folder, "..data"));
  symlinkSync(join("..data", "a.yaml"), join(folder, "a.yaml"));
  const seen = watched(join(folder, "a.yaml"), "v1");
  symlinkSync("v2", join(folder, "..next"));
  renameSync(join(folder, "..next"), join(folder, "..data"));
  await settled();
  assert.equal(seen.changes, 1);
});

test("the same content again, other files, and a file that vanishes are no change", async () => {
  const file = join(folder, "a.yaml");
  writeFileSync(file, "one");
  const seen = watched(file, "one");
  writeFileSync(file, "one");
  writeFileSync(join(folder, "other"), "x");
  unlinkSync(file);
  await settled();
  assert.equal(seen.changes, 0);
});

test("without any event the file is looked at from time to time", async () => {
  const inner = join(folder, "elsewhere");
  mkdirSync(inner);
  writeFileSync(join(inner, "a.yaml"), "one");
  mkdirSync(join(folder, "watched"));
  const file = join(folder, "watched", "a.yaml");
  symlinkSync(join(inner, "a.yaml"), file);
  const seen = watched(file, "one", 50);
  writeFileSync(join(inner, "a.yaml"), "two");
  await settled();
  assert.equal(seen.changes, 1);
});
