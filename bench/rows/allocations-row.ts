import { setTimeout as sleep } from "node:timers/promises";
import { contendersOf } from "../lib/contenders.ts";
import type { Context } from "../lib/context.ts";
import { places } from "../lib/places.ts";
import type { RunningProxy } from "../lib/proxy-kinds.ts";
import type { Judgement, RowResult } from "../lib/results.ts";
import { judge } from "../lib/results.ts";
import type { Load } from "../lib/run-loader.ts";
import { runLoader } from "../lib/run-loader.ts";

/** The counter is brought up to date by a timer of the data-plane thread. */
const settleMs = 700;
const warmUp = 20_000;
const measured = 120_000;
/** Trials of a case that is above its limit: chance only ever adds, so the least of them is what a request costs. */
const maxTrials = 8;

/** Loads and the octets of JavaScript heap a request may cost there. */
const cases: { what: string; load: Load; limit: number }[] = [
  { what: "10 × 10", load: { connections: 10, streams: 10 }, limit: 250 },
  { what: "10 × 10, 17 headers", load: { connections: 10, streams: 10, headers17: true }, limit: 250 },
  { what: "1 × 1", load: { connections: 1, streams: 1 }, limit: 3200 },
];

/**
 * What a request allocates on the JavaScript heap: what the counter moves by during 120,000 requests (a tenth where they come one
 * at a time), connections and scrapes included, after 20,000 that warm up, less what it moves by in as much time without any. Frames cost nothing; a system call costs a view of what it writes and what Node makes around it, so that a machine
 * which gives the proxy fewer frames at a time shows more a request: above the limit the least of eight trials counts.
 */
export async function allocationsRow(context: Context): Promise<RowResult> {
  const result: RowResult = {
    row: "allocations",
    title: "heap octets a request costs the data-plane thread",
    unit: "octets/request",
    cells: [],
    judgements: [],
  };
  const names = contendersOf(context.options);
  for (const proxy of context.proxies.filter(({ name }) => names.includes(name))) {
    for (const one of cases) await measureCase(context, proxy, one, result);
  }
  return result;
}

async function measureCase(
  context: Context,
  { name, port }: RunningProxy,
  { what, load, limit }: (typeof cases)[number],
  result: RowResult,
): Promise<void> {
  const runs: Trial[] = [];
  while (runs.length === 0 || (runs.length < maxTrials && least(runs) > limit)) {
    context.progress.show(`allocations ${name} ${what}`);
    runs.push(await measureTrial(context, port, load));
  }
  const value = least(runs);
  const said = runs.every(({ end }) => end > 0);
  const note = runs.length === 1 ? "" : `least of ${runs.length} trials`;
  result.cells.push({ proxy: `${name} ${what}`, value, low: null, high: null, note, runs: [...runs] });
  result.judgements.push(verdict(name === "isobar" ? what : `${name} ${what}`, said ? value : null, limit));
}

interface Trial {
  readonly start: number;
  readonly end: number;
  /** Octets a request cost, without what so much time costs by itself. */
  readonly cost: number;
}

async function measureTrial(context: Context, port: number, load: Load): Promise<Trial> {
  const scale = load.connections === 1 ? 0.1 : 1;
  const send = (requests: number, seconds: number) =>
    runLoader(context, port, { ...load, requests: requests * scale, seconds });
  await send(warmUp, 30);
  const start = await allocated(port);
  const { seconds } = await send(measured, 60);
  const end = await allocated(port);
  // Where requests take long, because the machine has other work, timers come more often among them.
  await sleep(seconds * 1_000);
  const idle = (await allocated(port)) - end;
  return { start, end, cost: (end - start - Math.max(0, idle)) / (measured * scale) };
}

function least(trials: readonly Trial[]): number {
  return Math.min(...trials.map(({ cost }) => cost));
}

function verdict(what: string, value: number | null, limit: number): Judgement {
  return judge(
    "allocations",
    what,
    value,
    limit,
    value === null ? "this Node does not say" : "exact but for how many frames come at a time",
  );
}

async function allocated(proxyPort: number): Promise<number> {
  await sleep(settleMs);
  const port = places.ports.isobarMetrics + (proxyPort - places.ports.isobar) * 2;
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  const text = await response.text();
  return Number(/^isobar_worker_heap_allocated_bytes_total (\S+)/m.exec(text)?.[1] ?? 0);
}
