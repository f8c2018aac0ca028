import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { AttackName } from "./attacker/attacks.ts";
import type { AttackCase } from "./harness/attack-case.ts";
import type { Throughput } from "./harness/busy-caller.ts";
import { callBusily } from "./harness/busy-caller.ts";
import { abuser, CapturedNode } from "./harness/captured-node.ts";
import type { SoloWindow } from "./harness/measurement.ts";
import { AttackMeasurement, Measurer } from "./harness/measurement.ts";
import { missingTools } from "./harness/programs.ts";
import { Stage } from "./harness/stage.ts";
import type { Judged } from "./harness/summary.ts";
import { summary } from "./harness/summary.ts";
import { MOST_ROUNDS, median, nullTest, ROUNDS } from "./harness/timing.ts";
import { judge } from "./harness/verdict.ts";

/** `tenants`: the p99 is judged, which takes five minutes more. */
const { ISOBAR_ATTACKS = "" } = process.env;
const TIMED = ISOBAR_ATTACKS === "tenants";
const UNTIMED_ROUNDS = 1;
/** Rounds at most, and of each abuse the runs that have to count. */
const THROUGHPUT_ROUNDS = 5;
const THROUGHPUT_RUNS = 2;
const THROUGHPUT_SECONDS = 0.6;
/** What a namespace has of the proxy beside one that takes all it gets, and how much of that it must keep. */
const FAIR_SHARE = 1 / 2;
const KEPT_SHARE = 0.9;
/** The same where other work disturbs the machine, and beside huge bodies, which their endpoint shares the two cores with: nobody is starved. */
const UNTIMED_KEPT_SHARE = 0.3;
/** A run beside an abuse counts where the runs without it before and after differ by no more: the machine's time was the proxy's then. */
const STEADY_RATIO = 1.15;
const RAMP_MS = 150;
const SETTLE_MS = 200;
const GROUP_LIMIT_MS = 10 * 60_000;
const MIB = 1_048_576;

/** What is measured of attacks in attacks.test.ts holds here as well; gates here are about what the other namespace notices. */
const GATES = {
  slabOctets: 128 * MIB,
  rssOctets: 256 * MIB,
  mayClose: ["ENHANCE_YOUR_CALM", "reset", "end"],
} as const;

/** The six kinds of abuse. */
const KINDS: Readonly<Record<string, AttackCase>> = {
  "opens and closes connections": { attack: "connection-churn", gates: GATES },
  "calls without end": { attack: "stream-flood", gates: GATES },
  "reads slowly": { attack: "one-octet-window", gates: GATES },
  "sends large headers": { attack: "header-list-above-limit", gates: GATES },
  "cancels its calls": { attack: "rapid-reset-late", gates: GATES },
  "sends huge bodies": { attack: "huge-bodies", gates: GATES },
};

const missing = missingTools();

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

describe("a namespace beside another that abuses the proxy of their node", {
  skip: missing === "" ? false : missing,
}, () => {
  let node: CapturedNode;
  let stage: Stage;
  let measurer: Measurer;
  let unjudged = "ISOBAR_ATTACKS=tenants judges it";
  let nextAbuser = 0;
  const judged: Judged[] = [];
  const lines: string[] = [];
  const solo: SoloWindow[] = [];
  const cases = Object.values(KINDS);
  const measured = new Map(cases.map((each) => [each, new AttackMeasurement()]));
  /** Ratios to what it gets alone, of runs that count; and calls that failed. */
  const kept = new Map<AttackName, number[]>(cases.map(({ attack }) => [attack, []]));
  const errors = new Map<AttackName, number>();
  /** Of runs that do not count: how much more the one without the abuse had on one side of it than on the other. */
  const unsteady = new Map<AttackName, number[]>(cases.map(({ attack }) => [attack, []]));

  before(
    async () => {
      node = new CapturedNode();
      stage = await Stage.set(node.config, () => node.target());
      measurer = new Measurer(stage);
      // The proxy's code is compiled as it is used.
      await callBusily(stage, THROUGHPUT_SECONDS);
      await measurer.solo();
      let alone = await callBusily(stage, THROUGHPUT_SECONDS);
      for (let round = 0; round < THROUGHPUT_ROUNDS; round++) {
        for (const { attack } of cases) {
          if (kept.get(attack)!.length >= THROUGHPUT_RUNS) continue;
          const before = alone.requestsPerSecond;
          const beside = await besideAttack(attack);
          errors.set(attack, (errors.get(attack) ?? 0) + beside.errors);
          alone = await callBusily(stage, THROUGHPUT_SECONDS);
          assert.equal(alone.errors, 0);
          const [least, most] = [alone.requestsPerSecond, before].sort((one, other) => one - other) as [
            number,
            number,
          ];
          if (most <= STEADY_RATIO * least)
            kept.get(attack)!.push((2 * beside.requestsPerSecond) / (least + most));
          else unsteady.get(attack)!.push(most / least);
        }
      }
      if (TIMED) unjudged = await nullTest(measurer, (text) => console.log(text));
      const judging = unjudged === "";
      const enough = (): boolean =>
        [...measured.values()].every(({ p99Ms }) => p99Ms.length >= ROUNDS) &&
        solo.filter(({ counts }) => counts).length >= ROUNDS;
      const rounds = judging ? ROUNDS : UNTIMED_ROUNDS;
      for (let round = 0; round < rounds || (judging && round < MOST_ROUNDS && !enough()); round++) {
        solo.push(await measurer.solo());
        for (const [each, into] of measured) {
          await measurer.attack(each, abuser(nextAbuser++), into, solo.at(-1)!.cpuShare);
        }
      }
    },
    { timeout: GROUP_LIMIT_MS },
  );
  after(async () => {
    if (judged.length > 0) console.log(`\n${summary(judged)}\n\n${lines.join("\n")}\n`);
    if (unjudged !== "") console.log(`p99 not judged: ${unjudged}`);
    await stage?.[Symbol.asyncDispose]();
    node?.[Symbol.dispose]();
  });

  /** What it gets while the other namespace attacks. */
  async function besideAttack(attack: AttackName): Promise<Throughput> {
    await stage.attack(attack, abuser(nextAbuser++));
    await sleep(RAMP_MS);
    const result = await callBusily(stage, THROUGHPUT_SECONDS);
    await stage.stopAttack();
    await sleep(SETTLE_MS);
    return result;
  }

  /** @returns why throughput beside the attack is not judged. */
  function unsteadiness(attack: AttackName): string {
    const by = unsteady.get(attack)!.map((ratio) => percent(ratio - 1));
    const runs = `${THROUGHPUT_RUNS} of ${THROUGHPUT_ROUNDS} runs have to count`;
    return `${runs}, and around ${by.length} of them what it gets alone differs by ${by.join(", ")}, above ${percent(STEADY_RATIO - 1)}`;
  }

  for (const [what, each] of Object.entries(KINDS)) {
    it(`loses no call, and keeps its share and its times, while the other ${what}`, (context) => {
      const got = measured.get(each)!;
      const verdict = judge(each, got, solo, unjudged);
      judged.push({ name: each.attack, got, solo, verdict });
      const runs = kept.get(each.attack)!;
      const percents = runs.map(percent).join(", ") || "no run";
      const of = `${each.attack}: ${percents} of the throughput without it`;
      const ratio = (verdict.attackMs / verdict.soloMs).toFixed(2);
      const p99 = `p99 ${ratio} × of that alone${verdict.unjudged === "" ? "" : `, not judged: ${verdict.unjudged}`}`;
      const isJudged = runs.length >= THROUGHPUT_RUNS;
      const line = `${of}${isJudged ? "" : `, not judged: ${unsteadiness(each.attack)}`}; ${p99}`;
      context.diagnostic(line);
      lines.push(line);
      assert.deepEqual(verdict.missed, [], verdict.missed.join("; ") + stage.innocent.complaints);
      assert.equal(errors.get(each.attack), 0, "calls of the busy pod failed");
      if (!isJudged) return;
      const wanted = (TIMED ? KEPT_SHARE : UNTIMED_KEPT_SHARE) * FAIR_SHARE;
      assert.ok(median(runs) >= wanted, `${percents} of what it gets alone`);
    });
  }
});
