import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { compareRow } from "../../bench/beside/compare-row.ts";
import type { Figures } from "../../bench/beside/figures.ts";
import { findPrograms } from "../../bench/beside/find-programs.ts";
import { formatResult } from "../../bench/beside/format-result.ts";
import { ROWS } from "../../bench/beside/rows.ts";
import { NetworkNamespace } from "../drain/harness/network-namespace.ts";

const { CI = "" } = process.env;
const programs = findPrograms();
if ("missing" in programs) assert.equal(CI, "", programs.missing);
const SECONDS = 8;
const NEW_SECONDS = 25;
/** One short run on a machine that others use: what is told apart here is not noise, the rest is for `npm run beside`. */
const SLACK = 1.5;
const SLACK_MS = 10;

describe("beside Envoy, one short run", { skip: "missing" in programs && programs.missing }, () => {
  const tables: string[] = [];
  after(() => process.stdout.write(`${tables.join("\n\n")}\n`));

  for (const row of ROWS.filter(({ judged }) => judged !== false)) {
    const isNew = row.fault.kind === "join";
    const missing = row.fault.kind === "cut" ? NetworkNamespace.missing() : "";
    if (missing !== "") assert.equal(CI, "", missing);
    test(`${row.title}: clients are no worse off than with any of Envoy's configurations`, {
      skip: missing !== "" && missing,
    }, async (t) => {
      if ("missing" in programs) return;
      const seconds = isNew ? NEW_SECONDS : SECONDS;
      const result = await compareRow(programs, row, 1, seconds, () => {}, 0);
      tables.push(formatResult(result));
      // A client without a proxy was kept waiting, too: nothing can be told apart.
      if (!result.quiet) {
        t.diagnostic("the machine was too busy to judge by");
        return;
      }
      for (const { heat, figures } of result.heats) {
        const [isobar] = figures;
        const envoy = figures.slice(heat.isobar.length);
        const best = (of: (one: Figures) => number): number => Math.min(...envoy.map(of));
        const told = `${heat.title}\n${tables.at(-1)}`;
        assert.ok(isobar!.requests > 500, told);
        const mostHarmed = best((one) => one.harmed) * (isNew ? 0.75 : 1);
        assert.ok(isobar!.harmed <= mostHarmed + 3 * Math.sqrt(mostHarmed) + 3, told);
        assert.ok(isobar!.errors <= best((one) => one.errors) + 5, told);
        for (const figure of [(one: Figures) => one.p90Ms, (one: Figures) => one.p99Ms]) {
          assert.ok(figure(isobar!) <= best(figure) * SLACK + SLACK_MS, told);
        }
      }
    });
  }
});
