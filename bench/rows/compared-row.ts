import { cellOfFigures } from "../lib/cell-of-figures.ts";
import { contendersOf, RIGHT_PICK } from "../lib/contenders.ts";
import type { Context } from "../lib/context.ts";
import type { Run } from "../lib/measure-run.ts";
import { measureRun } from "../lib/measure-run.ts";
import { median } from "../lib/median.ts";
import type { RunningProxy } from "../lib/proxy-kinds.ts";
import type { Cell, Judgement, RowResult } from "../lib/results.ts";
import { judge } from "../lib/results.ts";
import { unlimitedTurns } from "../lib/unlimited-turns.ts";
import type { ComparedWork } from "./compared-work.ts";
import { describeRuns } from "./describe-runs.ts";

/** A run and its figure: µs per request or message, or ms per GB. */
type FiguredRun = Run & { figure: number };

/** One run of every proxy in turn; undefined where a proxy failed. */
type Turn = Map<string, FiguredRun>;

/** Who is judged, and by the ratio to whom. */
type Pair = readonly [contender: string, peer: string];

/** Runs one compared row: interleaved repetitions, medians, ratios of neighbouring runs. */
export async function comparedRow(context: Context, work: ComparedWork): Promise<RowResult> {
  const peers = Object.keys(work.limits).filter((peer) => context.options.peers.some((one) => one === peer));
  const { repetitions } = context.options;
  const wanted = peers.length === 0 ? Math.min(unlimitedTurns, repetitions) : repetitions;
  const judged = contendersIn(context, work).flatMap((one) => peers.map((peer): Pair => [one, peer]));
  const turns: Turn[] = [];
  while (turns.length < wanted || (turns.length < 2 * wanted && isWorthAnother(turns, judged, wanted))) {
    turns.push(await oneTurn(context, work, turns.length + 1));
  }
  return {
    row: work.row,
    title: work.title,
    unit: unitOf(work),
    cells: context.proxies
      .filter((proxy) => work.without?.[proxy.name] === undefined)
      .map((proxy) => cellOf(proxy, turns)),
    judgements: judged.map((pair) => judgeRatio(context, work.row, pair, work.limits[pair[1]]!, turns)),
  };
}

function unitOf(work: ComparedWork): string {
  if (work.messages !== undefined) return "CPU µs/message";
  return work.perGigabyteOf === undefined ? "CPU µs/request" : "CPU ms/GB";
}

function figureOf(work: ComparedWork, microsPerRequest: number): number {
  if (work.messages !== undefined) return microsPerRequest / work.messages;
  return work.perGigabyteOf === undefined ? microsPerRequest : (microsPerRequest * 1e6) / work.perGigabyteOf;
}

/** Whether a proxy runs in this turn: one that no limit names takes part in the first few. */
function takesPart(context: Context, work: ComparedWork, proxy: RunningProxy, number: number): boolean {
  if (proxy.process.exited() || work.without?.[proxy.name] !== undefined) return false;
  const isContender = contendersIn(context, work).includes(proxy.name);
  const limited = isContender ? Object.keys(work.limits).length > 0 : work.limits[proxy.name] !== undefined;
  return limited || number <= unlimitedTurns;
}

async function oneTurn(context: Context, work: ComparedWork, number: number): Promise<Turn> {
  const turn: Turn = new Map();
  for (const proxy of context.proxies) {
    context.progress.show(`${work.row} ${proxy.name} ${number}/${context.options.repetitions}`);
    if (!takesPart(context, work, proxy, number)) {
      continue;
    }
    const run = await measureRun(context, proxy, work.load(context.options));
    const figure = figureOf(work, run.cpuMicrosPerRequest);
    turn.set(proxy.name, { ...run, figure });
  }
  return turn;
}

/** @returns who is judged: all contenders that take part, or should have. */
function contendersIn(context: Context, { plainOnly }: ComparedWork): string[] {
  const contenders = contendersOf(context.options);
  return plainOnly ? contenders.slice(0, 1) : contenders;
}

/** Turns that do not count are repeated, unless none of the first ones did. */
function isWorthAnother(turns: Turn[], judged: readonly Pair[], wanted: number): boolean {
  const counted = judged.map((pair) => pairsOf(pair, turns).filter(({ counts }) => counts).length);
  return counted.some((count) => count < wanted) && counted.every((count) => count > 0);
}

/** Ratios of the two runs of each turn; a pair counts if both runs do. */
function pairsOf([contender, peer]: Pair, turns: Turn[]): { ratio: number; counts: boolean }[] {
  return turns.flatMap((turn) => {
    const [ours, theirs] = [turn.get(contender), turn.get(peer)];
    return ours && theirs
      ? [{ ratio: ours.figure / theirs.figure, counts: ours.counts && theirs.counts }]
      : [];
  });
}

function cellOf(proxy: RunningProxy, turns: Turn[]): Cell {
  const runs = turns.flatMap((turn) => turn.get(proxy.name) ?? []);
  const counted = runs.filter((run) => run.counts);
  const figures = (counted.length > 0 ? counted : runs).map((run) => run.figure).filter(Number.isFinite);
  const note = proxy.process.exited() ? `has ended: ${proxy.process.complaints()}` : describeRuns(runs);
  return cellOfFigures(proxy.name, figures, `${note}${besidePlain(proxy.name, turns)}`, runs);
}

/** @returns what everything of the right pick costs together, as a ratio to a plain configuration. */
function besidePlain(name: string, turns: Turn[]): string {
  if (name !== RIGHT_PICK) return "";
  const ratios = pairsOf([name, "isobar"], turns).filter(({ counts }) => counts);
  return ratios.length === 0 ? "" : `, ${median(ratios.map(({ ratio }) => ratio)).toFixed(3)} × isobar`;
}

function judgeRatio(context: Context, row: string, pair: Pair, limit: number, turns: Turn[]): Judgement {
  const what = pair.join(" / ");
  const missing = pair.find((name) => context.skipped.has(name));
  if (missing !== undefined) {
    return judge(row, what, null, limit, `${missing} was skipped`);
  }
  const pairs = pairsOf(pair, turns);
  const counted = pairs.filter((pair) => pair.counts).map((pair) => pair.ratio);
  if (counted.length >= context.options.repetitions) {
    return judge(row, what, median(counted), limit, `median of ${counted.length} pairs`);
  }
  const all = median(pairs.map((pair) => pair.ratio));
  const reason = `only ${counted.length} of ${pairs.length} pairs count (proxy ≥ 90 % of its core, no errors)`;
  return { ...judge(row, what, all, limit, reason), verdict: "not judged" };
}
