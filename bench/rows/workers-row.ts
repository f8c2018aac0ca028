import { availableParallelism } from "node:os";
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
import { describeRuns } from "./describe-runs.ts";

/** CPU per request with two workers, of that with one: smaller batches, and twice the connections to endpoints. */
const limit = 1.3;
const load = { connections: 100, streams: 1 };
/** Twice the throughput is claimed only where loader and backends leave two cores to the workers. */
const coresForThroughput = 4;
const workerCounts = [1, 2];
/** Turns that do not count are repeated. */
const mostTurnsPerRepetition = 3;

/** What a second data-plane worker costs per request. Both proxies have the same one core. */
export async function workersRow(context: Context): Promise<RowResult> {
  const result: RowResult = {
    row: "workers",
    title: "100 B unary, 100 × 1, one and two workers",
    unit: "CPU µs/request",
    cells: [],
    judgements: [],
  };
  if (!context.options.isobar) return result;
  await using started = new AsyncDisposableStack();
  const proxies: RunningProxy[] = [];
  for (const [i, count] of workerCounts.entries()) {
    const port = places.ports.isobarWorkers[i]!;
    const extras = { sections: [`concurrency: ${count}`] };
    const proxy = await startIsobar(context, `isobar-${count}-workers`, port, places.ports.backends, extras);
    started.use(proxy.process);
    proxies.push(proxy);
  }
  const turns: Run[][] = [];
  const { repetitions } = context.options;
  const counting = (): Run[][] => turns.filter((turn) => turn.every((run) => run.counts));
  while (counting().length < repetitions && turns.length < mostTurnsPerRepetition * repetitions) {
    const runs: Run[] = [];
    for (const proxy of proxies) {
      context.progress.show(`workers ${proxy.name} ${turns.length + 1}/${repetitions}`);
      runs.push(await measureRun(context, proxy, load));
    }
    turns.push(runs);
  }
  const throughput =
    availableParallelism() >= coresForThroughput
      ? "throughput of two workers needs a run with several proxy cores"
      : `throughput: not measured, it takes ${coresForThroughput} cores or more`;
  for (const [i, proxy] of proxies.entries()) {
    const runs = turns.map((turn) => turn[i]!);
    const figures = runs.map((run) => run.cpuMicrosPerRequest);
    const note = i === 0 ? describeRuns(runs) : `${describeRuns(runs)}; ${throughput}`;
    result.cells.push(cellOfFigures(proxy.name, figures, note, runs));
  }
  const counted = counting();
  const ratios = counted.map(([one, two]) => two!.cpuMicrosPerRequest / one!.cpuMicrosPerRequest);
  const enough = ratios.length >= repetitions;
  result.judgements.push(
    enough
      ? judge("workers", "two workers / one", median(ratios), limit, `median of ${ratios.length} pairs`)
      : judge(
          "workers",
          "two workers / one",
          null,
          limit,
          `only ${ratios.length} of ${turns.length} pairs count`,
        ),
  );
  return result;
}
