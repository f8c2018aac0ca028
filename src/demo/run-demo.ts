import { setTimeout as pause } from "node:timers/promises";
import { UNCOUNTED } from "./child-message.ts";
import { demoIntroduction } from "./demo-introduction.ts";
import type { DemoOptions } from "./demo-options.ts";
import type { DemoPlan } from "./demo-plan.ts";
import { planDemo } from "./demo-plan.ts";
import type { PartScript } from "./demo-script.ts";
import { demoScript } from "./demo-script.ts";
import { DemoStage } from "./demo-stage.ts";
import type { ShownPart } from "./demo-summary.ts";
import { demoSummary } from "./demo-summary.ts";
import { LiveScreen } from "./live-screen.ts";
import { viewBlock } from "./view-block.ts";

const DRAW_EVERY_MS = 200;
/** Kept for the end: stragglers, taking everything down, the summary. */
const END_MS = 1200;
const STRAGGLERS_MS = 250;
/** Without a terminal to draw on, an endless part is printed once, after this time. */
const ENDLESS_PRINT_MS = 12_000;
const FOR_EVER_MS = 2 ** 31 - 1;

/**
 * Shows the demo from start to end; the time since this process started counts for the duration asked for.
 *
 * @throws DemoFailure if something does not start, or ends too early; everything is taken down before.
 */
export async function runDemo(options: DemoOptions): Promise<void> {
  const stage = new DemoStage(options);
  const screen = new LiveScreen(options.output, options.live, options.rows);
  const shown: ShownPart[] = [];
  // Whatever ends the demo also ends the waiting in the middle of a part.
  const over = new AbortController();
  options.interrupt.addEventListener("abort", () => over.abort());
  if (options.interrupt.aborted) over.abort();
  try {
    screen.draw(["Isobar demo: starting backends, proxy and clients ..."]);
    if (await finished(over.signal, stage.open(), stage.failed)) {
      screen.print(demoIntroduction(stage, options.seed, options.port));
      const leftMs =
        options.durationMs === undefined ? undefined : options.durationMs - END_MS - performance.now();
      const plan = planDemo(leftMs);
      await finished(over.signal, play(options, over.signal, stage, screen, plan, shown), stage.failed);
    }
  } finally {
    over.abort();
    screen.close();
    await stage.close(STRAGGLERS_MS);
  }
  screen.print(["", ...demoSummary(shown, options.seed, stage.tally.notMade)]);
}

async function play(
  options: DemoOptions,
  over: AbortSignal,
  stage: DemoStage,
  screen: LiveScreen,
  plan: DemoPlan,
  shown: ShownPart[],
): Promise<void> {
  const sleep = (ms: number) => pause(Math.max(0, ms), undefined, { signal: over });
  stage.startLoad();
  screen.draw(["", "warming up ..."]);
  let settleMs = plan.warmUpMs;
  for (const [index, part] of demoScript(stage, plan, sleep).entries()) {
    await Promise.all([part.prepare(), sleep(settleMs)]);
    await playPart(options, stage, screen, part, index, shown, sleep);
    part.restore();
    settleMs = plan.settleMs;
  }
}

async function playPart(
  options: DemoOptions,
  stage: DemoStage,
  screen: LiveScreen,
  part: PartScript,
  index: number,
  shown: ShownPart[],
  sleep: (ms: number) => Promise<unknown>,
): Promise<void> {
  const startedMs = performance.now();
  const tally = stage.tally.part(index);
  const endless = part.durationMs === Number.POSITIVE_INFINITY;
  const block = () => {
    const elapsedMs = performance.now() - startedMs;
    return ["", ...viewBlock({ ...part, tally, elapsedMs }, { color: options.color, blocks: options.live })];
  };
  // Listed from its first moment: a part that is interrupted belongs to the summary too.
  shown.push({
    ...part,
    tally,
    backends: part.backends.filter(({ note }) => note !== "dead").map(({ name }) => name),
  });
  const footer = endless ? ["", "The load goes on; Ctrl-C ends the demo."] : [];
  const drawing = setInterval(() => screen.draw([...block(), ...footer]), DRAW_EVERY_MS);
  try {
    stage.count(index);
    await part.change();
    if (endless) {
      await sleep(ENDLESS_PRINT_MS);
      if (!options.live) screen.print([...block(), ...footer]);
      await sleep(FOR_EVER_MS);
    }
    await sleep(startedMs + part.durationMs - performance.now());
    stage.count(UNCOUNTED);
  } finally {
    clearInterval(drawing);
  }
  screen.print(block());
}

/** @returns whether `work` has come to its end; if the demo is over before, nobody waits for it any more. */
async function finished(over: AbortSignal, work: Promise<void>, failed: Promise<never>): Promise<boolean> {
  const interrupted = new Promise<boolean>((resolve) => {
    if (over.aborted) resolve(false);
    over.addEventListener("abort", () => resolve(false), { once: true });
  });
  const done = work.then(
    () => true,
    (error: unknown) => {
      if (over.aborted) return false;
      throw error;
    },
  );
  return Promise.race([done, interrupted, failed]);
}
