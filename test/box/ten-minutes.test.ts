import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { sameOutput } from "../../scripts/docs/same-output.ts";
import { go } from "../clients/harness/go.ts";
import { REPOSITORY } from "../clients/harness/paths.ts";
import { boxSuite } from "./harness/missing-for-box.ts";
import { TenMinuteStage } from "./harness/ten-minute-stage.ts";
import { walkTenMinutes } from "./harness/ten-minute-walk.ts";
import { Transcript } from "./harness/transcript.ts";

const PAGE = readFileSync(join(REPOSITORY, "docs/ten-minutes.md"), "utf8");

/** Steps by their headings, without what stands before the first and after the last. */
function stepsOf(text: string): ReadonlyMap<string, string> {
  const parts = text.replace(/^In all \d+ s.*$/m, "").split(/^## /m);
  return new Map(parts.slice(1).map((part) => [part.split("\n", 1)[0] ?? "", part]));
}

it(
  "the first ten minutes come as their page shows them, figures apart",
  boxSuite([go], ["kubectl", "prometheus", "promtool"]),
  async (context) => {
    await using stage = await TenMinuteStage.open();
    const told = new Transcript();
    await walkTenMinutes(stage, told);
    assert.deepEqual(told.failures, [], told.text);
    const [shown, walked] = [stepsOf(PAGE), stepsOf(told.text)];
    assert.deepEqual([...shown.keys()], [...walked.keys()]);
    const others = [...walked].filter(([title, text]) => !sameOutput(shown.get(title) ?? "", text, true));
    assert.deepEqual(
      others.map(([title, text]) => `the page has\n${shown.get(title)}\nbut it came\n${text}`),
      [],
      "npm run ten-minutes -- --write docs/ten-minutes.md",
    );
    context.diagnostic(`in ${told.seconds.toFixed(0)} s`);
  },
);
