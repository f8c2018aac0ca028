import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { REPORT_FILE, ReportWatch } from "../../../src/daemon/capture/report-watch.ts";
import { writeRunFile } from "../../../src/daemon/capture/run-file.ts";
import { until } from "../../proxy/fixture/until.ts";

describe("the watch of capture's report", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "isobar-report-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("tells of each time it is written, and of nothing else in the folder", async () => {
    let told = 0;
    const watch = new ReportWatch(folder, () => told++);
    try {
      writeRunFile(join(folder, "g1", "generation.json"), {});
      mkdirSync(join(folder, "ledger"));
      for (const count of [1, 2]) {
        writeRunFile(join(folder, REPORT_FILE), { count });
        await until(`it tells for the ${count}. time`, () => told === count);
      }
    } finally {
      watch.close();
    }
    assert.equal(told, 2);
  });

  it("leaves it at that where there is no folder", () => {
    new ReportWatch(join(folder, "none"), () => assert.fail("told")).close();
  });
});
