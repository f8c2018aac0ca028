import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import type { Scenario } from "../../sim/scenario.ts";
import type { LoadedScenario } from "./loaded-scenario.ts";
import { loadScenario } from "./loaded-scenario.ts";
import type { ServiceFacts, ServiceTraffic, ServiceWish } from "./one-service.ts";
import { factsText, oneService, recordedTraffic } from "./one-service.ts";
import type { ProgressLine } from "./progress-line.ts";
import { readTrace } from "./recorded-trace.ts";
import type { SimulationThreads } from "./simulation-threads.ts";
import { sizePage } from "./size-page.ts";
import { capacityOf } from "./size-runs.ts";
import type { SizeGoal, SizeResult } from "./size-service.ts";
import { sizeAll } from "./size-service.ts";
import { sizeTable } from "./size-table.ts";
import { writePage } from "./write-page.ts";

/** What `isobar simulate --size` is told. */
export interface SizeFlags extends ServiceWish {
  readonly html?: string;
  readonly recording?: string;
  readonly prometheus?: string;
  readonly service?: string;
  readonly window: string;
  readonly header: readonly string[];
  readonly target?: number;
  readonly utilization?: number;
  readonly buffer: number;
}

/** What is sized; `facts` where it is one service and no scenario file. */
export interface SizedSubject {
  readonly loaded: LoadedScenario;
  readonly facts?: ServiceFacts;
}

const USUAL_TARGET_MS = 100;
/** A p99 of fewer requests is chance. */
const LEAST_RECORDED = 1_000;

/** @returns what to size: a scenario file, a recording, or a service as a Prometheus has it. @throws ExitError where none or several are named. */
export async function sizedSubject(file: string | undefined, flags: SizeFlags): Promise<SizedSubject> {
  const { recording, prometheus } = flags;
  const named = [file, recording, prometheus].filter((each) => each !== undefined);
  if (named.length !== 1)
    throw new ExitError(
      ExitCode.usage,
      `--size: found ${named.length === 0 ? "nothing to size" : named.join(" and ")}, wanted one of a scenario file, --recording FILE, and --prometheus URL`,
    );
  if (file === undefined) return oneService(await trafficOf(flags), flags);
  const loaded = await loadScenario(file);
  const { seed = loaded.seed, seeds = loaded.seeds } = flags;
  const cases = loaded.cases.map(({ load, scenario }) =>
    load === 0 ? atItsPace(scenario) : { load, scenario },
  );
  return { loaded: { ...loaded, seed, seeds, cases } };
}

/** Finds the sizes and prints them. @throws ExitError when no policy of Isobar's keeps the limits for one service. */
export async function size(
  { loaded, facts }: SizedSubject,
  threads: SimulationThreads,
  progress: ProgressLine,
  flags: SizeFlags,
  isJson: boolean,
): Promise<void> {
  const goal = goalOf(flags);
  progress.begin(loaded.cases.length * loaded.contestants.length, "sizes");
  const sizes = await sizeAll(loaded, threads, goal, () => progress.step());
  progress.clear();
  if (flags.html !== undefined) await writePage(flags.html, sizePage(loaded, sizes, goal));
  if (isJson) console.log(JSON.stringify(facts === undefined ? sizes : { ...facts, goal, sizes }, null, 2));
  else
    console.log(
      facts === undefined ? sizeTable(sizes, goal) : `${factsText(facts)}\n${sizeTable(sizes, goal)}`,
    );
  if (facts !== undefined && !isKept(loaded, sizes))
    throw new ExitError(
      ExitCode.unexpected,
      `${facts.source}: no policy of Isobar's keeps that with any number tried; of the requests' own work p99 is ${facts.workP99Ms.toFixed(1)} ms, and no number makes it shorter`,
    );
}

function isKept({ contestants }: LoadedScenario, sizes: readonly SizeResult[]): boolean {
  const ours = new Set(contestants.filter(({ kind }) => kind === "policy").map(({ name }) => name));
  return sizes.some(({ policy, needed }) => ours.has(policy) && Number.isFinite(needed));
}

/** A p99 is what is wanted, unless only the use of endpoints is. */
function goalOf({ target, utilization, peak, buffer }: SizeFlags): SizeGoal {
  const usual = utilization === undefined ? USUAL_TARGET_MS : Number.POSITIVE_INFINITY;
  return {
    targetMs: target ?? usual,
    utilization: utilization === undefined ? Number.POSITIVE_INFINITY : utilization / 100,
    peak,
    buffer: buffer / 100,
  };
}

async function trafficOf({
  recording,
  prometheus,
  service,
  window,
  header,
}: SizeFlags): Promise<ServiceTraffic> {
  if (recording !== undefined) {
    const trace = await readTrace(recording);
    const count = trace.arrivalMs.length;
    if (count < LEAST_RECORDED)
      throw new ExitError(
        ExitCode.usage,
        `--recording ${recording}: found ${count} requests, wanted ${LEAST_RECORDED} or more: a p99 of fewer is chance`,
      );
    return recordedTraffic(trace, recording);
  }
  if (service === undefined || !/^[a-z0-9-]+\/[a-z0-9.-]+$/.test(service))
    throw new ExitError(
      ExitCode.usage,
      `--service: found ${service === undefined ? "nothing" : `"${service}"`}, wanted namespace/name, the service to size`,
    );
  if (!URL.canParse(prometheus!) || !/^https?:/.test(prometheus!))
    throw new ExitError(
      ExitCode.usage,
      `--prometheus: found "${prometheus}", wanted its address, such as http://prometheus:9090`,
    );
  const { measuredTraffic } = await import("./measured-traffic.ts");
  return measuredTraffic({ prometheus: prometheus!, service, window, header });
}

/** A trace that names no load has the one it was recorded with. */
function atItsPace(scenario: Scenario): LoadedScenario["cases"][number] {
  const { requestsPerSecond, meanMs } = recordedTraffic(scenario.traffic.trace!, "");
  const load = ((requestsPerSecond / 1_000) * meanMs) / capacityOf(scenario.endpoints);
  return { load, scenario: { ...scenario, traffic: { ...scenario.traffic, load } } };
}
