import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { AttackCase } from "./harness/attack-case.ts";
import type { SoloWindow } from "./harness/measurement.ts";
import { AttackMeasurement, Measurer, WINDOW_MS } from "./harness/measurement.ts";
import { missingTools } from "./harness/programs.ts";
import { Stage } from "./harness/stage.ts";
import type { Judged } from "./harness/summary.ts";
import { summary } from "./harness/summary.ts";
import { MOST_ROUNDS, nullTest, ROUNDS } from "./harness/timing.ts";
import { judge } from "./harness/verdict.ts";
import { FLOODS, HEADERS, HOLDERS, RESETS, VARIANTS } from "./hostile-clients.ts";
import { ENDPOINT_FLOODS, ENDPOINT_VARIANTS } from "./hostile-endpoints.ts";

/**
 * `quick`: two rounds and no null test, for development; times are not judged then.
 * `only`: attacks whose name matches.
 */
const { ISOBAR_ATTACKS = "", ISOBAR_ATTACKS_ONLY = "" } = process.env;
const QUICK = ISOBAR_ATTACKS === "quick";
const UNTIMED_ROUNDS = 2;
const VARIANT_WINDOW_MS = 1_000;
const GROUP_LIMIT_MS = 10 * 60_000;
/** Time for what attackers left behind to be cleared away. */
const CLEAR_LIMIT_MS = 5_000;
const CLEAR_OCTETS = 262_144;

const GROUPS: Readonly<Record<string, readonly AttackCase[]>> = {
  "clients that reset, or have their streams reset": RESETS,
  "clients whose headers are a weapon": HEADERS,
  "clients that flood": FLOODS,
  "clients that let others wait": HOLDERS,
  "endpoints that flood": ENDPOINT_FLOODS,
  "variants of what clients do": VARIANTS,
  "variants of what endpoints do": ENDPOINT_VARIANTS,
};

const missing = missingTools();

describe("an innocent client beside attackers", { skip: missing === "" ? false : missing }, () => {
  let stage: Stage;
  let measurer: Measurer;
  let unjudged = "two rounds only";
  let baseline: SoloWindow;
  let nextSource = 0;
  const judged: Judged[] = [];

  before(
    async () => {
      stage = await Stage.set();
      measurer = new Measurer(stage);
      // The proxy's code is compiled as it is used.
      for (let i = 0; i < 3; i++) baseline = await measurer.solo();
      if (!QUICK) unjudged = await nullTest(measurer, (text) => console.log(text));
    },
    { timeout: GROUP_LIMIT_MS },
  );
  after(async () => {
    if (judged.length > 0) console.log(`\n${summary(judged)}\n`);
    if (unjudged !== "") console.log(`p99 not judged: ${unjudged}`);
    await stage?.[Symbol.asyncDispose]();
  });

  for (const [title, all] of Object.entries(GROUPS)) {
    const cases = all.filter(({ attack }) => new RegExp(ISOBAR_ATTACKS_ONLY).test(attack));
    if (cases.length > 0) group(title, cases);
  }

  it("leaves nothing behind: no octet held, no connection open", async () => {
    const limit = performance.now() + CLEAR_LIMIT_MS;
    for (;;) {
      const usage = await stage.proxy.usage();
      const held = usage.slabOctets - baseline.slabOctets;
      const open = usage.samples.get('isobar_downstream_connections{protocol="h2c"}');
      if (held <= CLEAR_OCTETS && open === 1) break;
      assert.ok(performance.now() < limit, `${held} octets held, ${open} connections open`);
      await sleep(100);
    }
    assert.ok(stage.proxy.alive);
  });

  function group(title: string, cases: readonly AttackCase[]): void {
    describe(title, () => {
      const solo: SoloWindow[] = [];
      const measured = new Map(cases.map((each) => [each, new AttackMeasurement()]));

      before(
        async () => {
          const timed = cases.some((each) => each.timed !== false);
          const judging = timed && unjudged === "";
          const rounds = judging ? ROUNDS : timed ? UNTIMED_ROUNDS : 1;
          const enough = (): boolean =>
            [...measured.values()].every(({ p99Ms }) => p99Ms.length >= ROUNDS) &&
            solo.filter(({ counts }) => counts).length >= ROUNDS;
          for (let round = 0; round < rounds || (judging && round < MOST_ROUNDS && !enough()); round++) {
            solo.push(await measurer.solo());
            for (const [each, into] of measured) {
              const windowMs = each.timed === false ? VARIANT_WINDOW_MS : WINDOW_MS;
              // Each time from elsewhere: what one caller may do at once is what counts, not what is left of it.
              nextSource++;
              const source = `127.0.${1 + (nextSource >> 8)}.${nextSource & 255}`;
              await measurer.attack(each, source, into, solo.at(-1)!.cpuShare, windowMs);
            }
          }
        },
        { timeout: GROUP_LIMIT_MS },
      );

      for (const each of cases) {
        it(`loses no call beside ${each.attack}, which costs what it may and is ended as it should be`, (t) => {
          const got = measured.get(each)!;
          const verdict = judge(each, got, solo, unjudged);
          judged.push({ name: each.attack, got, solo: [baseline, ...solo], verdict });
          if (each.timed !== false && verdict.unjudged !== "")
            t.diagnostic(`p99 not judged: ${verdict.unjudged}`);
          const heard = stage.innocent.complaints;
          assert.deepEqual(verdict.missed, [], verdict.missed.join("; ") + heard);
        });
      }
    });
  }
});
