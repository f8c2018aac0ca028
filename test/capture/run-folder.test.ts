import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { RunFolder } from "../../src/capture/run-folder.ts";

const GENERATION = {
  format: 1,
  startedMs: 5,
  port: 4001,
  workers: 1,
  ready: true,
  draining: false,
  writtenMs: 9,
};
const PLAN = { format: 1, version: "v1", services: [], callers: [], entries: [] };

describe("the folder of a node's generations", () => {
  let path: string;
  let folder: RunFolder;
  const problems: string[] = [];

  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), "isobar-run-"));
    problems.length = 0;
    folder = new RunFolder(path, (generation, problem) => problems.push(`${generation}: ${problem}`));
  });
  afterEach(() => rmSync(path, { recursive: true }));

  function write(generation: string, file: "generation" | "plan", content: object): void {
    mkdirSync(join(path, generation), { recursive: true });
    writeFileSync(join(path, generation, `${file}.json`), JSON.stringify(content));
  }
  const seen = async () =>
    (await folder.read()).map(({ file, plan }) => [file.generation, plan?.version]).sort();

  it("is read with everything of this format, also where a later release says more in it", async () => {
    write("a", "generation", { ...GENERATION, generation: "a", later: { than: "this" } });
    write("a", "plan", { ...PLAN, later: [1], callers: [{ addresses: ["10.1.0.7"], mode: "later", x: 1 }] });
    const [found] = await folder.read();
    assert.deepEqual([found!.file.port, found!.plan!.version], [4001, "v1"]);
    assert.equal(found!.plan!.callers[0]!.transparent, false, "a mode that is not known captures nobody");
    assert.deepEqual(problems, []);
  });

  for (const [what, format] of [
    ["a later", 2],
    ["an earlier", 0],
    ["no", undefined],
  ] as const) {
    it(`leaves a generation of ${what} format alone, and says so once`, async () => {
      write("known", "generation", { ...GENERATION, generation: "known" });
      write("other", "generation", { ...GENERATION, generation: "other", format });
      for (let turn = 0; turn < 3; turn++) assert.deepEqual(await seen(), [["known", undefined]]);
      assert.equal(problems.length, 1);
      assert.match(problems[0]!, /^other: format: found .*, wanted 1/);
    });

    it(`captures nothing by a plan of ${what} format, and says so once`, async () => {
      write("a", "generation", { ...GENERATION, generation: "a" });
      write("a", "plan", { ...PLAN, format });
      for (let turn = 0; turn < 3; turn++) assert.deepEqual(await seen(), [["a", undefined]]);
      assert.equal(problems.length, 1);
      assert.match(problems[0]!, /^a: format: found .*, wanted 1/);
    });
  }

  it("keeps the plan of before where the new one cannot be read, and says it again when that happens again", async () => {
    write("a", "generation", { ...GENERATION, generation: "a" });
    write("a", "plan", PLAN);
    assert.deepEqual(await seen(), [["a", "v1"]]);
    for (let time = 1; time <= 2; time++) {
      write("a", "plan", { ...PLAN, version: 7 });
      assert.deepEqual(await seen(), [["a", "v1"]]);
      assert.deepEqual(await seen(), [["a", "v1"]]);
      assert.equal(problems.length, time, problems.join("\n"));
      write("a", "plan", { ...PLAN, version: `good${time}` });
      assert.deepEqual(await seen(), [["a", `good${time}`]]);
      write("a", "plan", PLAN);
      assert.deepEqual(await seen(), [["a", "v1"]]);
    }
  });

  it("forgets generations that have not written for ten minutes", async () => {
    write("old", "generation", { ...GENERATION, generation: "old" });
    const longAgo = Date.now() / 1_000 - 601;
    utimesSync(join(path, "old", "generation.json"), longAgo, longAgo);
    assert.deepEqual(await seen(), []);
  });
});
