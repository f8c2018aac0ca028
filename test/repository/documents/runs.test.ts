import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parsePage } from "../../../scripts/docs/parse-page.ts";
import { playPage } from "../../../scripts/docs/play-page.ts";
import { readText, trackedFiles } from "../repository-files.ts";

const LIMIT_MS = 300_000;
const PAGES = trackedFiles(/^(?:[^/]+|docs\/.*)\.md$/).filter(
  (path) => parsePage(path, readText(path)).blocks.length > 0,
);

describe("commands that pages show, run", { timeout: LIMIT_MS }, () => {
  for (const path of PAGES)
    it(`${path} shows what they print`, { timeout: LIMIT_MS }, async () => {
      const played = await playPage(parsePage(path, readText(path)));
      assert.ok(played.length > 0);
      for (const { line, typed, shown, printed, exitCode, wantedExitCode, isSame } of played) {
        const where = `${path}:${line}: ${typed}; npm run docs:check -- --write ${path}`;
        assert.equal(exitCode, wantedExitCode, `${where}\n${printed}`);
        if (!isSame) assert.equal(printed, shown, where);
      }
    });

  it("are some on several pages", () => {
    assert.ok(PAGES.length >= 7, PAGES.join());
  });
});
