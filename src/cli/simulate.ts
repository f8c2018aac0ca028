import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { ExitCode, ExitError } from "../daemon/exit-code.ts";
import type { CaseResult } from "./simulate/case-result.ts";
import { runCase, runCount } from "./simulate/case-result.ts";
import type { LoadedScenario } from "./simulate/loaded-scenario.ts";
import { loadScenario } from "./simulate/loaded-scenario.ts";
import type { PodsPoint } from "./simulate/pods-curve.ts";
import { podsCurve, podsPoints, podsTable } from "./simulate/pods-curve.ts";
import { ProgressLine } from "./simulate/progress-line.ts";
import { resultJson } from "./simulate/result-json.ts";
import { resultPage } from "./simulate/result-page.ts";
import { resultTable } from "./simulate/result-table.ts";
import { SimulationThreads } from "./simulate/simulation-threads.ts";
import { sizePage } from "./simulate/size-page.ts";
import { sizeAll, sizeTable } from "./simulate/size-service.ts";

interface SimulateFlags {
  readonly seed?: number;
  readonly seeds?: number;
  readonly html?: string;
  readonly json?: boolean;
  readonly size?: boolean;
  readonly target: number;
  readonly peak: number;
  readonly buffer: number;
}

/** Adds `isobar simulate`: the pickers in virtual time. */
export function addSimulateCommand(program: Command): void {
  program
    .command("simulate")
    .summary("run load balancing policies over a scenario in virtual time")
    .description(
      "Lets fleets of proxies with Isobar's own pickers, and yardsticks beside them, balance the traffic of a scenario " +
        "in virtual time, and compares what came out. The same file and seed give the same result. " +
        "Exit code 1: something the scenario expects did not come out. Keys of the file: docs/simulate.md.",
    )
    .argument("<file>", "the scenario (YAML); examples/simulate has some")
    .option("--seed <number>", "first seed, instead of the scenario's", wholeNumber(0, 2 ** 31 - 1))
    .option("--seeds <number>", "how many seeds, instead of the scenario's", wholeNumber(1, 1_000))
    .option("--html <file>", "write a page with plots")
    .option("--json", "print the results as JSON")
    .option("--size", "find how many endpoints each policy needs for a p99")
    .option("--target <ms>", "with --size: the p99 in ms", positiveNumber, 100)
    .option("--peak <factor>", "with --size: traffic at the peak, times the scenario's", positiveNumber, 1)
    .option("--buffer <percent>", "with --size: endpoints to add to that, such as 25%", percentage, 0)
    .action(simulate);
}

async function simulate(file: string, flags: SimulateFlags): Promise<void> {
  const scenario = await loadScenario(file);
  const loaded = { ...scenario, seed: flags.seed ?? scenario.seed, seeds: flags.seeds ?? scenario.seeds };
  const progress = new ProgressLine(process.stderr);
  const threads = new SimulationThreads(() => progress.ran());
  try {
    if (flags.size === true) await size(loaded, threads, progress, flags);
    else await compare(loaded, threads, progress, flags);
  } finally {
    progress.clear();
    await threads[Symbol.asyncDispose]();
  }
}

async function compare(
  loaded: LoadedScenario,
  threads: SimulationThreads,
  progress: ProgressLine,
  flags: SimulateFlags,
): Promise<void> {
  progress.begin(runCount(loaded));
  const results: CaseResult[] = [];
  for (const each of loaded.cases) {
    const result = await runCase(loaded, each, threads);
    results.push(result);
    if (flags.json !== true) {
      progress.clear();
      console.log(resultTable(result));
    }
  }
  const curve = await curveOf(loaded, threads, progress);
  progress.clear();
  if (flags.json === true) console.log(resultJson(loaded, results, curve));
  else if (curve !== undefined) console.log(podsTable(curve));
  if (flags.html !== undefined) await writePage(flags.html, resultPage(loaded, results, curve));
  const missed = results.flatMap(({ verdicts }) => verdicts.filter(({ verdict }) => !verdict.met)).length;
  if (missed > 0) {
    throw new ExitError(ExitCode.unexpected, `${loaded.file}: ${missed} of what it expects did not come out`);
  }
}

async function curveOf(
  loaded: LoadedScenario,
  threads: SimulationThreads,
  progress: ProgressLine,
): Promise<PodsPoint[] | undefined> {
  if (loaded.pods === undefined) return undefined;
  progress.begin(podsPoints(loaded, loaded.pods), "points of the curve");
  return podsCurve(loaded, loaded.pods, threads, () => progress.step());
}

async function size(
  loaded: LoadedScenario,
  threads: SimulationThreads,
  progress: ProgressLine,
  flags: SimulateFlags,
): Promise<void> {
  if (loaded.cases.some(({ load }) => load === 0)) {
    const wanted = "a load, by which --size scales the traffic; add it beside the trace";
    throw new ExitError(ExitCode.usage, `${loaded.file}: traffic.load: found nothing, wanted ${wanted}`);
  }
  const { target, peak, buffer } = flags;
  progress.begin(loaded.cases.length * loaded.contestants.length, "sizes");
  const sizes = await sizeAll(loaded, threads, { targetMs: target, peak, buffer: buffer / 100 }, () =>
    progress.step(),
  );
  progress.clear();
  if (flags.html !== undefined) await writePage(flags.html, sizePage(loaded, sizes, flags));
  console.log(flags.json === true ? JSON.stringify(sizes, null, 2) : sizeTable(sizes, flags));
}

async function writePage(file: string, page: string): Promise<void> {
  try {
    await writeFile(file, page);
  } catch (error) {
    const { code = "an error" } = error as NodeJS.ErrnoException;
    throw new ExitError(ExitCode.usage, `--html ${file}: found ${code}, wanted a file that can be written`);
  }
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1e6)) {
    throw new InvalidArgumentError(`Found "${text}", wanted a number above 0.`);
  }
  return value;
}

function percentage(text: string): number {
  const value = /^\d+(\.\d+)?%?$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  if (!(value >= 0 && value <= 1_000)) {
    throw new InvalidArgumentError(`Found "${text}", wanted a percentage such as 25%.`);
  }
  return value;
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) {
      throw new InvalidArgumentError(`Found "${text}", wanted a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}
