import { dirname, resolve } from "node:path";
import { formatConfigProblem } from "../../config/config-problem.ts";
import { parseScenario } from "../../config/parse-scenario.ts";
import type { ScenarioFile } from "../../config/scenario-schema.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import { loadBalancingFromConfig } from "../../discovery/settings-from-config.ts";
import { clusterSettings } from "../../resource/cluster-settings.ts";
import type { Expectation } from "../../sim/expectation.ts";
import type { Contestant, RecordedTrace, Scenario, Traffic } from "../../sim/scenario.ts";
import { inputText } from "./input-text.ts";
import { readTrace } from "./recorded-trace.ts";

/** One of the loads of a scenario. */
export interface ScenarioCase {
  /** Requests relative to capacity; 0 for a trace at its own pace. */
  readonly load: number;
  readonly scenario: Scenario;
}

/** A scenario file, ready to run. */
export interface LoadedScenario {
  readonly file: string;
  readonly about: string;
  readonly seed: number;
  readonly seeds: number;
  readonly cases: readonly ScenarioCase[];
  readonly contestants: readonly Contestant[];
  readonly expectations: readonly Expectation[];
  readonly pods: ScenarioFile["pods"];
}

/** @throws ExitError with every problem of the file on a line of its own. */
export async function loadScenario(file: string): Promise<LoadedScenario> {
  const text = await inputText(file, "the scenario");
  const { scenario, problems } = parseScenario(text, file);
  if (problems !== undefined) {
    throw new ExitError(ExitCode.usage, problems.map(formatConfigProblem).join("\n"));
  }
  const { trace: path } = scenario.traffic;
  const trace = path === undefined ? null : await readTrace(resolve(dirname(file), path));
  const loads = scenario.traffic.load ?? [0];
  return {
    file,
    about: scenario.about.trim(),
    seed: scenario.seed,
    seeds: scenario.seeds,
    cases: loads.map((load) => ({ load, scenario: scenarioOf(scenario, load, trace) })),
    contestants: scenario.policies.map(contestantOf),
    expectations: scenario.expect,
    pods: scenario.pods,
  };
}

function scenarioOf(file: ScenarioFile, load: number, trace: RecordedTrace | null): Scenario {
  const { windowMs, events, traffic } = file;
  const { bursts, service } = traffic;
  return {
    durationMs: file.durationMs,
    // Whole windows, so that figures over windows and those over requests are about the same ones.
    warmupMs: Math.ceil(file.warmupMs / windowMs) * windowMs,
    windowMs,
    timeoutMs: file.timeoutMs,
    network: file.network,
    endpoints: file.endpoints,
    callers: file.callers,
    traffic: { load, service: service as Traffic["service"], bursts: bursts ?? null, trace },
    events: events.map(({ group, zone, callers, listing, speed, failShare, blackHoled, ...event }) => ({
      ...event,
      group: group ?? "",
      zone: zone ?? "",
      callers: callers ?? "",
      listing: listing ?? null,
      state: {
        ...(speed === undefined ? {} : { speed }),
        ...(failShare === undefined ? {} : { failShare }),
        ...(blackHoled === undefined ? {} : { blackHoled }),
      },
    })),
  };
}

/** @returns a policy of a scenario file, ready to run. */
export function contestantOf({
  name,
  kind,
  loadBalancer,
  fleet,
  peerReports,
  keep,
}: ScenarioFile["policies"][number]): Contestant {
  return {
    name,
    kind,
    settings: clusterSettings({ loadBalancing: loadBalancingFromConfig(loadBalancer) }),
    fleet,
    peerReports: peerReports ?? null,
    keep,
  };
}
