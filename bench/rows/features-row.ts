import { cellOfFigures } from "../lib/cell-of-figures.ts";
import type { Context } from "../lib/context.ts";
import type { Run } from "../lib/measure-run.ts";
import { measureRun } from "../lib/measure-run.ts";
import { median } from "../lib/median.ts";
import { places } from "../lib/places.ts";
import type { RunningProxy } from "../lib/proxy-kinds.ts";
import type { RowResult } from "../lib/results.ts";
import { judge } from "../lib/results.ts";
import { startIsobar } from "../lib/start-isobar.ts";
import { featureVariants } from "./feature-variants.ts";

/** A feature that is configured and switched off may cost this much. */
const offLimit = 1.03;
/** Short turns and many of them: the ratios are near 1 and the noise is not. */
const turnsPerRepetition = 3;

/** What features cost per request: those that are off next to nothing, those that are on what the table says. */
export async function featuresRow(context: Context): Promise<RowResult> {
  const result: RowResult = {
    row: "features",
    title: "u10x10 with features absent, off and on",
    unit: "CPU µs/request",
    cells: [],
    judgements: [],
  };
  const { options } = context;
  if (!options.isobar) return result;
  await using started = new AsyncDisposableStack();
  const proxies: RunningProxy[] = [];
  for (const [i, { name, extras }] of featureVariants.entries()) {
    if (i > 0 && options.features.length > 0 && !options.features.includes(name)) continue;
    const port = places.ports.isobarVariants + i;
    const file = `isobar-${name.replaceAll(/[^a-z0-9]+/g, "-")}`;
    const proxy = await startIsobar(context, file, port, places.ports.backends, extras);
    started.use(proxy.process);
    proxies.push({ ...proxy, name });
  }
  const turns: Map<string, Run>[] = [];
  const wanted = options.repetitions * turnsPerRepetition;
  while (turns.length < wanted) turns.push(await oneTurn(context, proxies, turns.length, wanted));
  const ratioOf = (name: string): number =>
    median(
      turns.map((turn) => turn.get(name)!.cpuMicrosPerRequest / turn.get("absent")!.cpuMicrosPerRequest),
    );
  for (const { name } of proxies) {
    const runs = turns.map((turn) => turn.get(name)!);
    const figures = runs.map((run) => run.cpuMicrosPerRequest);
    const more = median(
      turns.map((turn) => turn.get(name)!.cpuMicrosPerRequest - turn.get("absent")!.cpuMicrosPerRequest),
    );
    const note = `${more >= 0 ? "+" : ""}${more.toFixed(2)} µs, ${ratioOf(name).toFixed(3)} × absent`;
    result.cells.push(cellOfFigures(name, figures, name === "absent" ? "" : note, runs));
  }
  if (proxies.some(({ name }) => name === "off")) {
    const reason = `median of ${turns.length} pairs`;
    result.judgements.push(judge("features", "off / absent", ratioOf("off"), offLimit, reason));
  }
  return result;
}

/** One short run of each. Every other turn goes backwards, so that none always follows the same one. */
async function oneTurn(
  context: Context,
  proxies: readonly RunningProxy[],
  number: number,
  wanted: number,
): Promise<Map<string, Run>> {
  const turn = new Map<string, Run>();
  const seconds = context.options.seconds / turnsPerRepetition;
  for (const proxy of number % 2 === 0 ? proxies : proxies.toReversed()) {
    context.progress.show(`features ${proxy.name} ${number + 1}/${wanted}`);
    turn.set(proxy.name, await measureRun(context, proxy, { connections: 10, streams: 10, seconds }));
  }
  return turn;
}
