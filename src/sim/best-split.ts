import type { RunResult } from "./run-result.ts";
import { mergeLatencies } from "./summary.ts";

/**
 * Of runs of several static splits, the best one in each phase: what somebody would have configured who knew beforehand what
 * happens. Phases end where an event is.
 *
 * @param runsBySplit by split, then by seed.
 * @param phaseStarts first window of each phase, the first 0.
 * @param warmupWindows of the first phase these do not decide.
 * @returns by seed.
 */
export function bestSplit(
  runsBySplit: readonly (readonly RunResult[])[],
  phaseStarts: readonly number[],
  warmupWindows: number,
): RunResult[] {
  const windowCount = runsBySplit[0]![0]!.windows.length;
  const chosen = phaseStarts.map((start, phase) => {
    const end = phaseStarts[phase + 1] ?? windowCount;
    const from = Math.min(Math.max(start, warmupWindows), end - 1);
    const p99s = runsBySplit.map((runs) =>
      mergeLatencies(runs.flatMap(({ windows }) => windows.slice(from, end))).percentile(0.99),
    );
    return p99s.indexOf(Math.min(...p99s));
  });
  const lastSplit = chosen.at(-1)!;
  return runsBySplit[lastSplit]!.map((last, seed) => {
    const parts = phaseStarts.map((start, phase) => ({
      run: runsBySplit[chosen[phase]!]![seed]!,
      start,
      end: phaseStarts[phase + 1] ?? windowCount,
    }));
    const windows = parts.flatMap(({ run, start, end }) => run.windows.slice(start, end));
    const weighted = (of: (run: RunResult) => number) =>
      parts.reduce((sum, { run, start, end }) => sum + of(run) * (end - start), 0) / windowCount;
    return {
      ...last,
      windows,
      // Shares of the whole run of each split, in proportion to how long it was the chosen one.
      errors: weighted(({ errors }) => errors),
      crossZone: weighted(({ crossZone }) => crossZone),
      imbalance: weighted(({ imbalance }) => imbalance),
    };
  });
}
