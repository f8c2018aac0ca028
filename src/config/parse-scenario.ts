import type { ConfigProblem } from "./config-problem.ts";
import { formatConfigPath } from "./config-problem.ts";
import type { CrossFinding } from "./cross-finding.ts";
import { readBySchema } from "./read-by-schema.ts";
import type { ScenarioFile } from "./scenario-schema.ts";
import { scenarioSchema } from "./scenario-schema.ts";
import { configProblem, inFileOrder } from "./schema-problems.ts";

/** More cells than this of what each proxy knows of each endpoint need too much memory. */
const MOST_VIEWS = 16_000_000;

/** Either a scenario or all that is wrong with it, in the order of the file. */
export type ParsedScenario =
  | { readonly scenario: ScenarioFile; readonly problems?: undefined }
  | { readonly scenario?: undefined; readonly problems: readonly ConfigProblem[] };

/** Reads a file of `isobar simulate`; with the same manners as {@link parseConfig}. */
export function parseScenario(text: string, file: string): ParsedScenario {
  const read = readBySchema(text, file, scenarioSchema);
  if (read.problems !== undefined) return read;
  const { data: scenario, positions } = read;
  const problems = findings(scenario).map((finding) =>
    configProblem(file, positions.ofValue(finding.path), formatConfigPath(finding.path), finding),
  );
  return problems.length > 0 ? { problems: inFileOrder(problems) } : { scenario };
}

/** What the schema cannot see: names that name nothing, times that do not fit, sizes that do not. */
function findings(scenario: ScenarioFile): CrossFinding[] {
  const found: CrossFinding[] = [];
  const { endpoints, callers, policies, events, expect } = scenario;
  const check = (path: PropertyKey[], name: string | undefined, known: readonly string[]) => {
    if (name === undefined || known.includes(name)) return;
    const wanted = `one of ${[...new Set(known)].map((one) => JSON.stringify(one)).join(", ")}`;
    found.push({ path, found: JSON.stringify(name), wanted, advice: "" });
  };
  const zones = [...endpoints, ...callers].map(({ zone }) => zone);
  events.forEach(({ group, zone, callers: who, atMs }, i) => {
    check(
      ["events", i, "group"],
      group,
      endpoints.map(({ name }) => name),
    );
    check(
      ["events", i, "zone"],
      zone,
      endpoints.map((each) => each.zone),
    );
    check(
      ["events", i, "callers"],
      who,
      callers.map(({ name }) => name),
    );
    if (atMs > scenario.durationMs) {
      const wanted = `at most durationMs, ${scenario.durationMs}`;
      found.push({ path: ["events", i, "atMs"], found: String(atMs), wanted, advice: "" });
    }
  });
  const names = policies.map(({ name }) => name);
  names.forEach((name, i) => {
    if (names.indexOf(name) === i) return;
    const wanted = "a name that no other policy has";
    found.push({ path: ["policies", i, "name"], found: JSON.stringify(name), wanted, advice: "" });
  });
  expect.forEach(({ policy, of, from, zone, measure }, i) => {
    check(["expect", i, "policy"], policy, names);
    check(["expect", i, "of"], of, names);
    check(["expect", i, "from"], from, names);
    check(["expect", i, "zone"], zone, zones);
    const missing =
      measure === "gapClosed" && (of === undefined || from === undefined) ? "of and from" : undefined;
    if (missing === undefined) return;
    found.push({ path: ["expect", i], found: "nothing", wanted: missing, advice: "add them" });
  });
  if (scenario.warmupMs >= scenario.durationMs) {
    const wanted = `less than durationMs, ${scenario.durationMs}`;
    found.push({ path: ["warmupMs"], found: String(scenario.warmupMs), wanted, advice: "" });
  }
  if (!callers.some(({ kind }) => kind === "proxy")) {
    const wanted = "at least one group of the kind proxy";
    found.push({
      path: ["callers"],
      found: "none",
      wanted,
      advice: "add one: results are about their requests",
    });
  }
  const ours = callers.reduce((sum, { kind, count }) => sum + (kind === "proxy" ? count : 0), 0);
  const views = ours * endpoints.reduce((sum, { count }) => sum + count, 0);
  if (views > MOST_VIEWS) {
    const wanted = `at most ${MOST_VIEWS} proxies × endpoints`;
    found.push({ path: ["callers"], found: String(views), wanted, advice: "simulate a part of the fleet" });
  }
  return found;
}
