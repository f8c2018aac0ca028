import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import { ExitCode, ExitError } from "../daemon/exit-code.ts";
import { checkedHeader, promDuration } from "./assess/assess-command.ts";
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
import type { SizeFlags } from "./simulate/size-command.ts";
import { size, sizedSubject } from "./simulate/size-command.ts";
import { writePage } from "./simulate/write-page.ts";

interface SimulateFlags extends SizeFlags {
  readonly json?: boolean;
  readonly output: "table" | "json";
  readonly size?: boolean;
}

const EXAMPLES = `
Examples:
  isobar simulate examples/simulate/fleet.yaml --html fleet.html
  isobar simulate --size scenario.yaml --target 100 --peak 1.2 --buffer 25%
  isobar simulate --size --recording requests.csv --servers 8 --target 250
  isobar simulate --size --recording requests.csv --utilization 70% -o json
  isobar simulate --size --prometheus http://prometheus:9090 --service shop/cart --servers 8 --window 1d

A recording has a line for each request, "arrival,service" or "arrival,service,caller", times in ms: when it came, how long it is worked on, and
the number of who sent it. A Prometheus has to have a histogram of the server's times (grpc_server_handling_seconds, rpc_server_duration,
istio_request_duration_milliseconds). For one service these are compared: balancing per connection, random, round_robin, least_request, the same
with subsets, and an oracle. Exit code 1: none of Isobar's keeps what is wanted with any number tried. What is left out: docs/simulate.md.`;

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
    .argument("[file]", "the scenario (YAML); examples/simulate has some")
    .option("--seed <number>", "first seed, instead of the scenario's", wholeNumber(0, 2 ** 31 - 1))
    .option("--seeds <number>", "how many seeds, instead of the scenario's", wholeNumber(1, 1_000))
    .option("--html <file>", "write a page with plots")
    .addOption(
      new Option("-o, --output <form>", "form of the output").choices(["table", "json"]).default("table"),
    )
    .option("--json", "the same as -o json")
    .option("--size", "find how many endpoints each policy needs")
    .option(
      "--target <ms>",
      "with --size: for this p99 in ms (default: 100, none with --utilization)",
      positiveNumber,
    )
    .option(
      "--utilization <percent>",
      "with --size: for a busiest endpoint that is busy so much, such as 70%",
      share,
    )
    .option("--peak <factor>", "with --size: traffic at the peak, times what there is", positiveNumber, 1)
    .option("--buffer <percent>", "with --size: endpoints to add to that, such as 25%", percentage, 0)
    .option("--recording <file>", "with --size: of one service, by its recorded requests")
    .option("--prometheus <url>", "with --size: of one service, by its rate and times as this has them")
    .option("--service <ns/name>", "with --prometheus: which one")
    .option(
      "--window <duration>",
      "with --prometheus: how far back; the busiest minutes count",
      promDuration,
      "1h",
    )
    .addOption(
      new Option("--header <name: value>", "with --prometheus: sent with each request; may be repeated")
        .argParser((header: string, former: readonly string[]) => [...former, checkedHeader(header)])
        .default([], "none"),
    )
    .option(
      "--servers <number>",
      "of one service: requests an endpoint serves at a time; the others wait (default: 1)",
      wholeNumber(1, 100_000),
    )
    .option(
      "--endpoints <number>",
      "of one service: how many there are (default: as Prometheus has it, else by a use of 70 %)",
      wholeNumber(1, 1_024),
    )
    .option(
      "--nodes <number>",
      "of one service: nodes with clients (default: as recorded, else 10)",
      wholeNumber(1, 10_000),
    )
    .option(
      "--connections <number>",
      "of one service: those of all clients (default: one for each recorded caller, else 10 for each node)",
      wholeNumber(1, 1_000_000),
    )
    .addHelpText("after", EXAMPLES)
    .action(simulate);
}

async function simulate(file: string | undefined, flags: SimulateFlags): Promise<void> {
  const isSize = flags.size === true;
  const isJson = flags.json === true || flags.output === "json";
  if (!isSize && (flags.recording ?? flags.prometheus) !== undefined)
    throw new ExitError(
      ExitCode.usage,
      "--recording and --prometheus: found no --size, wanted it beside them",
    );
  if (!isSize && file === undefined)
    throw new ExitError(
      ExitCode.usage,
      "found no file, wanted a scenario, or --size with --recording or --prometheus",
    );
  const subject = isSize ? await sizedSubject(file, flags) : { loaded: await loadScenario(file!) };
  const { seed = subject.loaded.seed, seeds = subject.loaded.seeds } = flags;
  const progress = new ProgressLine(process.stderr);
  const threads = new SimulationThreads(() => progress.ran());
  try {
    if (isSize) await size(subject, threads, progress, flags, isJson);
    else await compare({ ...subject.loaded, seed, seeds }, threads, progress, isJson, flags.html);
  } finally {
    progress.clear();
    await threads[Symbol.asyncDispose]();
  }
}

async function compare(
  loaded: LoadedScenario,
  threads: SimulationThreads,
  progress: ProgressLine,
  isJson: boolean,
  html: string | undefined,
): Promise<void> {
  progress.begin(runCount(loaded));
  const results: CaseResult[] = [];
  for (const each of loaded.cases) {
    const result = await runCase(loaded, each, threads);
    results.push(result);
    if (!isJson) {
      progress.clear();
      console.log(resultTable(result));
    }
  }
  const curve = await curveOf(loaded, threads, progress);
  progress.clear();
  if (isJson) console.log(resultJson(loaded, results, curve));
  else if (curve !== undefined) console.log(podsTable(curve));
  if (html !== undefined) await writePage(html, resultPage(loaded, results, curve));
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

function share(text: string): number {
  const value = percentage(text);
  if (!(value > 0 && value <= 100))
    throw new InvalidArgumentError(`Found "${text}", wanted a percentage above 0, up to 100%.`);
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
