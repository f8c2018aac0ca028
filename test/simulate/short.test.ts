import assert from "node:assert/strict";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { loadScenario } from "../../src/cli/simulate/loaded-scenario.ts";
import { runScenario } from "../../src/sim/run-scenario.ts";
import { summarize } from "../../src/sim/summary.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples/simulate", import.meta.url));
const SEED = 1;
/** What ten seeds of 40 s are held to, and room for the chance of one of 12 s. */
const MOST_OF_ORACLE = 1.6 * 1.15;
const LEAST_OF_GAP = 0.5;

/** What scenarios.test.ts asks of all scenarios and loads, in seconds: of those where slices alone were not enough. */
for (const file of ["fleet-bursty.yaml", "fleet-foreign.yaml"]) {
  it(`${file} at load 0.8, in short: near the oracle, and most of the way from naive picks to it`, async (t) => {
    const { cases, contestants } = await loadScenario(`${EXAMPLES}/${file}`);
    const { scenario } = cases.find(({ load }) => load === 0.8)!;
    const short = { ...scenario, durationMs: 12_000, warmupMs: 5_000, windowMs: 5_000 };
    const p99 = (name: string): number => {
      const contestant = contestants.find((each) => each.name === name)!;
      return summarize(name, [runScenario(short, contestant, 1, SEED)], 1).seeds[0]!.p99;
    };
    const [naive, oracle] = [p99("naive"), p99("oracle")];
    for (const name of ["fleet", "fleet, reports"]) {
      const own = p99(name);
      const gap = (naive - own) / (naive - oracle);
      t.diagnostic(`${name}: ${(own / oracle).toFixed(2)} of the oracle's p99, ${gap.toFixed(2)} of the gap`);
      assert.ok(own <= MOST_OF_ORACLE * oracle, `${name}: ${own} against ${oracle}`);
      assert.ok(gap >= LEAST_OF_GAP, `${name}: ${own} between ${naive} and ${oracle}`);
    }
  });
}
