import type { Run } from "../lib/measure-run.ts";
import { busyEnough } from "../lib/measure-run.ts";
import { median } from "../lib/median.ts";

/** Says in a few words how a proxy's runs went: its share of the core, its rate, and why runs do not count. */
export function describeRuns(runs: Omit<Run, "loader">[]): string {
  if (runs.length === 0) {
    return "no run";
  }
  const percent = (of: (run: Omit<Run, "loader">) => number) => `${Math.round(median(runs.map(of)) * 100)} %`;
  const parts = [
    `core ${percent((run) => run.coreShare)}`,
    `${Math.round(median(runs.map((run) => run.requestsPerSecond)))} req/s`,
  ];
  const errors = runs.reduce((sum, run) => sum + run.errors, 0);
  if (errors > 0) {
    parts.push(`${errors} errors`);
  }
  const idle = runs.filter((run) => run.coreShare < busyEnough);
  if (idle.length > 0) {
    const others = percent((run) => run.othersShare);
    parts.push(`${idle.length} of ${runs.length} runs below 90 % of the core (others used ${others} of it)`);
  }
  return parts.join(", ");
}
