import { setTimeout as sleep } from "node:timers/promises";
import { cellOfFigures } from "../lib/cell-of-figures.ts";
import type { Context } from "../lib/context.ts";
import type { Run } from "../lib/measure-run.ts";
import { measureRun } from "../lib/measure-run.ts";
import { median } from "../lib/median.ts";
import { places } from "../lib/places.ts";
import type { RowResult } from "../lib/results.ts";
import { judge } from "../lib/results.ts";
import { startIsobar } from "../lib/start-isobar.ts";
import type { ConfigExtras } from "../lib/write-isobar-config.ts";
import { writeIsobarConfig } from "../lib/write-isobar-config.ts";

const NAME = "isobar-explain";
/** Share of the picks that is recorded, and what that may cost. */
const sample = 0.01;
const limit = 1.02;
const load = { connections: 10, streams: 10 };
const warmUpRuns = 2;
/** Of the usual length of a run: there are many. */
const lengthShare = 0.5;
/** After a reload, until its process and what it left to collect are gone. */
const settleMs = 1500;
const reloadLimitMs = 10_000;

/** Off, on, on, off: what drifts falls out of the ratio of the inner two to the outer two. */
type Quartet = readonly [Run, Run, Run, Run];

/**
 * What recording one pick in a hundred costs. Two equal processes differ by more than that, so it is one process, which is told by
 * edits of its configuration to record or not; runs of the same setting beside each other show the noise.
 */
export async function explainRow(context: Context): Promise<RowResult> {
  const result: RowResult = {
    row: "explain",
    title: "u10x10 with 1 % of the picks recorded, and with none, in one process",
    unit: "CPU µs/request",
    cells: [],
    judgements: [],
  };
  const { options, progress } = context;
  if (!options.isobar) return result;
  const port = places.ports.isobarExplain;
  await using proxy = await startIsobar(context, NAME, port, places.ports.backends, extras(0)).then(
    (running) => ({ ...running, [Symbol.asyncDispose]: () => running.process[Symbol.asyncDispose]() }),
  );
  const runs = async (share: number, count: number): Promise<Run[]> => {
    await record(share);
    const done: Run[] = [];
    const seconds = options.seconds * lengthShare;
    while (done.length < count) done.push(await measureRun(context, proxy, { ...load, seconds }));
    return done;
  };
  const quartets: Quartet[] = [];
  // What is measured first is compiled on the way.
  let before = (await runs(0, warmUpRuns + 1)).at(-1);
  while (quartets.length < 2 * options.repetitions) {
    progress.show(`explain ${quartets.length + 1}/${2 * options.repetitions}`);
    const [on, on2] = await runs(sample, 2);
    const [off, next] = await runs(0, 2);
    quartets.push([before!, on!, on2!, off!]);
    before = next;
  }
  const micros = (at: number): number[] => quartets.map((each) => each[at]!.cpuMicrosPerRequest);
  const [off, on, on2, off2] = [micros(0), micros(1), micros(2), micros(3)];
  const ratios = quartets.map((_, i) => (on[i]! + on2[i]!) / (off[i]! + off2[i]!));
  const nulls = quartets.map((_, i) => on2[i]! / on[i]!).sort((a, b) => a - b);
  const all = quartets.flat();
  result.cells.push(cellOfFigures("none recorded", [...off, ...off2], "", all));
  const spread = `same setting twice in a row: ${median(nulls).toFixed(3)} [${nulls[0]!.toFixed(3)}–${nulls.at(-1)!.toFixed(3)}]`;
  result.cells.push(
    cellOfFigures("1 % recorded", [...on, ...on2], `${median(ratios).toFixed(3)} ×; ${spread}`, []),
  );
  const reason = `median of ${ratios.length} quartets`;
  result.judgements.push(judge("explain", "1 % / none", median(ratios), limit, reason));
  return result;
}

function extras(share: number): ConfigExtras {
  return { metrics: false, sections: [`explain: { sample: ${share} }`] };
}

/** Edits the configuration, and waits until it is in force and quiet has returned. */
async function record(share: number): Promise<void> {
  const port = places.ports.isobarExplain;
  writeIsobarConfig(NAME, port, places.ports.backends, extras(share));
  const admin = places.ports.isobarAdmin + (port - places.ports.isobar) * 2;
  const deadline = Date.now() + reloadLimitMs;
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${admin}/config_dump`);
    const dump = (await response.json()) as { config: { explain?: { sample: number } } };
    if (dump.config.explain?.sample === share) break;
    if (Date.now() > deadline)
      throw new Error(`explain.sample ${share} is not in force after ${reloadLimitMs} ms`);
    await sleep(50);
  }
  await sleep(settleMs);
}
