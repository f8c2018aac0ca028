import type { Context } from "../lib/context.ts";
import type { RowResult } from "../lib/results.ts";
import { judge } from "../lib/results.ts";
import { runLoader } from "../lib/run-loader.ts";

const limit = 1.25;
const requests = 20_000;

/** Octets that reach the backends, for each octet the client sent, with 17 headers. */
export async function octetsRow(context: Context): Promise<RowResult> {
  const result: RowResult = {
    row: "octets",
    title: "17 headers, 10 × 10",
    unit: "octets out/in",
    cells: [],
    judgements: [],
  };
  let ours: number | null = null;
  for (const proxy of context.proxies) {
    context.progress.show(`octets ${proxy.name}`);
    const load = { connections: 10, streams: 10, headers17: true, requests, seconds: 30 };
    await runLoader(context, proxy.port, { ...load, requests: 1000 });
    const before = await context.backends.counters();
    const sent = await runLoader(context, proxy.port, load);
    const after = await context.backends.counters();
    const octets = after.octetsReceived - before.octetsReceived;
    const value = octets / sent.octetsSent;
    const perRequest = (count: number) => Math.round(count / sent.requests);
    const run = {
      requests: sent.requests,
      errors: sent.errors,
      octetsFromClient: sent.octetsSent,
      octetsToBackends: octets,
      headerOctetsToBackends: after.headerOctets - before.headerOctets,
    };
    const note = `${perRequest(octets)} octets to the backend for ${perRequest(sent.octetsSent)} from the client`;
    result.cells.push({ proxy: proxy.name, value, low: null, high: null, note, runs: [run] });
    if (proxy.name === "isobar" && sent.errors === 0) {
      ours = value;
    }
  }
  if (context.options.isobar) {
    result.judgements.push(judge("octets", "isobar", ours, limit));
  }
  return result;
}
