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
const few = 20_000;
const many = 120_000;

/** Loads and the octets of JavaScript heap a request may cost there. */
const cases: { what: string; load: Load; limit: number }[] = [
  { what: "10 × 10", load: { connections: 10, streams: 10 }, limit: 250 },
  { what: "10 × 10, 17 headers", load: { connections: 10, streams: 10, headers17: true }, limit: 250 },
  { what: "1 × 1", load: { connections: 1, streams: 1 }, limit: 2600 },
];

/**
 * What a request allocates on the JavaScript heap: the counter after 120,000 requests less that after 20,000, divided by the
 * difference. Frames cost nothing; a system call costs a view of what it writes and what Node makes around it.
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
  context.progress.show(`allocations ${name} ${what}`);
  const scale = load.connections === 1 ? 0.1 : 1;
  const send = (requests: number, seconds: number) =>
    runLoader(context, port, { ...load, requests: requests * scale, seconds });
  await send(few, 30);
  const start = await allocated(port);
  await send(few, 30);
  const middle = await allocated(port);
  await send(many, 60);
  const end = await allocated(port);
  const value = (end - middle - (middle - start)) / ((many - few) * scale);
  const cell = { low: null, high: null, note: "", runs: [{ start, middle, end }] };
  result.cells.push({ proxy: `${name} ${what}`, value, ...cell });
  result.judgements.push(
    verdict(name === "isobar" ? what : `${name} ${what}`, end === 0 ? null : value, limit),
  );
}

function verdict(what: string, value: number | null, limit: number): Judgement {
  return judge(
    "allocations",
    what,
    value,
    limit,
    value === null ? "this Node does not say" : "exact but for timers",
  );
}

async function allocated(proxyPort: number): Promise<number> {
  await sleep(settleMs);
  const port = places.ports.isobarMetrics + (proxyPort - places.ports.isobar) * 2;
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  const text = await response.text();
  return Number(/^isobar_worker_heap_allocated_bytes_total (\S+)/m.exec(text)?.[1] ?? 0);
}
