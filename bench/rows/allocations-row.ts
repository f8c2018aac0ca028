import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "../lib/context.ts";
import { places } from "../lib/places.ts";
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
  if (!context.proxies.some((proxy) => proxy.name === "isobar")) return result;
  for (const { what, load, limit } of cases) {
    context.progress.show(`allocations ${what}`);
    const scale = load.connections === 1 ? 0.1 : 1;
    await runLoader(context, places.ports.isobar, { ...load, requests: few * scale, seconds: 30 });
    const start = await allocated();
    await runLoader(context, places.ports.isobar, { ...load, requests: few * scale, seconds: 30 });
    const middle = await allocated();
    await runLoader(context, places.ports.isobar, { ...load, requests: many * scale, seconds: 60 });
    const end = await allocated();
    const value = (end - middle - (middle - start)) / ((many - few) * scale);
    result.cells.push({
      proxy: `isobar ${what}`,
      value,
      low: null,
      high: null,
      note: "",
      runs: [{ start, middle, end }],
    });
    result.judgements.push(verdict(what, end === 0 ? null : value, limit));
  }
  return result;
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

async function allocated(): Promise<number> {
  await sleep(settleMs);
  const response = await fetch(`http://127.0.0.1:${places.ports.isobarMetrics}/metrics`);
  const text = await response.text();
  return Number(/^isobar_worker_heap_allocated_bytes_total (\S+)/m.exec(text)?.[1] ?? 0);
}
