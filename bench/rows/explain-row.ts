import { setTimeout as sleep } from "node:timers/promises";
import { cellOfFigures } from "../lib/cell-of-figures.ts";
import type { Context } from "../lib/context.ts";
import type { Run } from "../lib/measure-run.ts";
import { measureRun } from "../lib/measure-run.ts";
import { median } from "../lib/median.ts";
import { places } from "../lib/places.ts";
import type { RowResult } from "../lib/results.ts";
import { judge } from "../lib/results.ts";
import { startIsobar } from "../lib/start-isobar.ts";
import type { ConfigExtras } from "../lib/write-isobar-config.ts";
import { writeIsobarConfig } from "../lib/write-isobar-config.ts";

/** What a share of the requests is recorded by, in the row of its name. */
interface Recording {
  readonly row: "explain" | "tracing";
  readonly title: string;
  /** Share of the requests that is measured with; what it costs is divided to that of {@link judgedShare}. */
  readonly share: number;
  /** A section of the configuration. */
  readonly section: (share: number) => string;
  /** The share that is in force, of the configuration's dump. */
  readonly read: (config: DumpedConfig) => number | undefined;
}

interface DumpedConfig {
  readonly explain?: { readonly sample: number };
  readonly tracing?: { readonly ratio: number };
}

/** Share of the requests that is judged, and what recording that may cost. */
const judgedShare = 0.01;
const limit = 1.02;
const load = { connections: 10, streams: 10 };
const warmUpRuns = 2;
/** Of the usual length of a run: there are many. */
const lengthShare = 0.5;
/** After a reload, until its process and what it left to collect are gone. */
const settleMs = 1500;
const reloadLimitMs = 10_000;

/** Off, on, on, off: what drifts falls out of the ratio of the inner two to the outer two. */
type Quartet = readonly [Run, Run, Run, Run];

const EXPLAIN: Recording = {
  row: "explain",
  title: "u10x10 with 1 % of the picks recorded, and with none, in one process",
  share: judgedShare,
  section: (share) => `explain: { sample: ${share} }`,
  read: ({ explain }) => explain?.sample,
};

/**
 * Nobody takes the spans, so that no collector uses the machine: each batch is made and offered all the same. Five calls in a hundred are traced, and a fifth of what that
 * costs is judged: two equal runs differ by more than one in a hundred may cost.
 */
const TRACING: Recording = {
  row: "tracing",
  title: "u10x10 with 5 % of the calls traced, and with none, in one process",
  share: 5 * judgedShare,
  section: (share) => (share === 0 ? "" : `tracing: { endpoint: "http://127.0.0.1:9", ratio: ${share} }`),
  read: ({ tracing }) => tracing?.ratio ?? 0,
};

/** What recording one pick in a hundred costs. */
export const explainRow = (context: Context): Promise<RowResult> => recordingRow(context, EXPLAIN);

/** What tracing one call in a hundred costs. */
export const tracingRow = (context: Context): Promise<RowResult> => recordingRow(context, TRACING);

/**
 * What recording one request in a hundred costs. Two equal processes differ by more than that, so it is one process, which is told by
 * edits of its configuration to record or not; runs of the same setting beside each other show the noise.
 */
async function recordingRow(context: Context, recording: Recording): Promise<RowResult> {
  const result: RowResult = {
    row: recording.row,
    title: recording.title,
    unit: "CPU µs/request",
    cells: [],
    judgements: [],
  };
  const { options, progress } = context;
  if (!options.isobar) return result;
  const port = places.ports.isobarExplain;
  const name = `isobar-${recording.row}`;
  await using proxy = await startIsobar(
    context,
    name,
    port,
    places.ports.backends,
    extras(recording, 0),
  ).then((running) => ({ ...running, [Symbol.asyncDispose]: () => running.process[Symbol.asyncDispose]() }));
  const runs = async (share: number, count: number): Promise<Run[]> => {
    await record(recording, share);
    const done: Run[] = [];
    const seconds = options.seconds * lengthShare;
    while (done.length < count) done.push(await measureRun(context, proxy, { ...load, seconds }));
    return done;
  };
  const quartets: Quartet[] = [];
  // What is measured first is compiled on the way.
  let before = (await runs(0, warmUpRuns + 1)).at(-1);
  while (quartets.length < 2 * options.repetitions) {
    progress.show(`${recording.row} ${quartets.length + 1}/${2 * options.repetitions}`);
    const [on, on2] = await runs(recording.share, 2);
    const [off, next] = await runs(0, 2);
    quartets.push([before!, on!, on2!, off!]);
    before = next;
  }
  const micros = (at: number): number[] => quartets.map((each) => each[at]!.cpuMicrosPerRequest);
  const [off, on, on2, off2] = [micros(0), micros(1), micros(2), micros(3)];
  const ratios = quartets.map((_, i) => (on[i]! + on2[i]!) / (off[i]! + off2[i]!));
  const judged = 1 + ((median(ratios) - 1) * judgedShare) / recording.share;
  const nulls = quartets.map((_, i) => on2[i]! / on[i]!).sort((a, b) => a - b);
  const all = quartets.flat();
  const percent = `${100 * recording.share} %`;
  result.cells.push(cellOfFigures("none recorded", [...off, ...off2], "", all));
  const spread = `same setting twice in a row: ${median(nulls).toFixed(3)} [${nulls[0]!.toFixed(3)}–${nulls.at(-1)!.toFixed(3)}]`;
  result.cells.push(
    cellOfFigures(`${percent} recorded`, [...on, ...on2], `${median(ratios).toFixed(3)} ×; ${spread}`, []),
  );
  const reason = `median of ${ratios.length} quartets${recording.share === judgedShare ? "" : `, of ${percent} / none`}`;
  result.judgements.push(judge(recording.row, "1 % / none", judged, limit, reason));
  return result;
}

function extras({ section }: Recording, share: number): ConfigExtras {
  return { metrics: false, sections: [section(share)] };
}

/** Edits the configuration, and waits until it is in force and quiet has returned. */
async function record(recording: Recording, share: number): Promise<void> {
  const port = places.ports.isobarExplain;
  writeIsobarConfig(`isobar-${recording.row}`, port, places.ports.backends, extras(recording, share));
  const admin = places.ports.isobarAdmin + (port - places.ports.isobar) * 2;
  const deadline = Date.now() + reloadLimitMs;
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${admin}/config_dump`);
    const dump = (await response.json()) as { config: DumpedConfig };
    if (recording.read(dump.config) === share) break;
    if (Date.now() > deadline)
      throw new Error(`${recording.row} of ${share} is not in force after ${reloadLimitMs} ms`);
    await sleep(50);
  }
  await sleep(settleMs);
}
