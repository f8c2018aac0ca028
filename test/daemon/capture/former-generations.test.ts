import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { formerGenerations } from "../../../src/daemon/capture/former-generations.ts";
import { writeRunFile } from "../../../src/daemon/capture/run-file.ts";

const NOW = 1_800_000_000_000;
const runDir = mkdtempSync(join(tmpdir(), "isobar-generations-"));
after(() => rmSync(runDir, { recursive: true }));

function put(generation: string, startedMs: number, writtenMs: number, more: object = {}): void {
  const path = join(runDir, generation, "generation.json");
  writeRunFile(path, { format: 1, generation, startedMs, writtenMs, ...more });
}

test("older generations that live are counted with their streams, and nobody else", () => {
  const own = { generation: "own", startedMs: NOW - 60_000 };
  put("own", own.startedMs, NOW, { openStreams: 1_000 });
  assert.deepEqual(formerGenerations(runDir, own, NOW), { alive: 0, openStreams: 0 });
  put("older", NOW - 90_000, NOW - 400, { openStreams: 7 });
  put("oldest", NOW - 99_000, NOW - 400, { openStreams: 2 });
  assert.deepEqual(formerGenerations(runDir, own, NOW), { alive: 2, openStreams: 9 });
  put("of-a-release-that-does-not-say", NOW - 99_000, NOW - 400);
  put("younger", NOW - 1_000, NOW, { openStreams: 100 });
  put("dead", NOW - 99_000, NOW - 11_000, { openStreams: 100 });
  writeFileSync(join(runDir, "capture.json"), "{");
  assert.deepEqual(formerGenerations(runDir, own, NOW), { alive: 3, openStreams: 9 });
  assert.deepEqual(formerGenerations(join(runDir, "none"), own, NOW), { alive: 0, openStreams: 0 });
});
