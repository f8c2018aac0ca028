import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const LAUNCHER = fileURLToPath(new URL("../../src/cli/launch.mjs", import.meta.url));
const EXAMPLES = fileURLToPath(new URL("../../examples/simulate", import.meta.url));

/** Fewer seeds than docs/simulate.md's tables, so that this takes minutes. */
const SEEDS = "2";

/*
 * The scenarios of docs/simulate.md, with the product's pickers as they are now: what each expects must come out. pods.yaml expects nothing; its curve
 * is in the docs.
 */
describe("what the scenarios in examples/simulate expect comes out", () => {
  for (const file of readdirSync(EXAMPLES).filter((name) => name.endsWith(".yaml") && name !== "pods.yaml")) {
    it(file, (t) => {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [LAUNCHER, "simulate", `${EXAMPLES}/${file}`, "--seeds", SEEDS],
        { encoding: "utf8" },
      );
      t.diagnostic(stdout);
      assert.equal(status, 0, `${stdout}\n${stderr}`);
    });
  }
});
