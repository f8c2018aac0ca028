import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "../lib/context.ts";
import { processUsage } from "../lib/process-usage.ts";
import type { RunningProxy } from "../lib/proxy-kinds.ts";
import type { RowResult } from "../lib/results.ts";
import { judge } from "../lib/results.ts";
import { loaderArguments, runLoader } from "../lib/run-loader.ts";

const idleLimit = 90;
const connectionsLimit = 30;
const connections = 1000;
const holdSeconds = 3;
const loadSeconds = 3;

/** Resident memory: idle after the start, what 1,000 idle client connections add, and what is left of a load. */
export async function memoryRow(context: Context): Promise<RowResult> {
  const result: RowResult = { row: "memory", title: "resident, idle", unit: "MB", cells: [], judgements: [] };
  let ours: { idle: number; added: number } | undefined;
  await sleep(1000);
  for (const proxy of context.proxies) {
    context.progress.show(`memory ${proxy.name}`);
    const pid = proxy.process.pid;
    const idle = processUsage(pid).rssMegabytes;
    await runLoader(context, proxy.port, { connections: 10, streams: 1, requests: 2000, seconds: 10 });
    await sleep(1000);
    const before = processUsage(pid).rssMegabytes;
    const held = await holdConnections(context, proxy);
    const added = held - before;
    await runLoader(context, proxy.port, { connections: 100, streams: 10, seconds: loadSeconds });
    const loaded = processUsage(pid).rssMegabytes;
    const run = { idle, before, held, added, loaded };
    const perConnection = `${Math.round((added * 1e6) / connections / 100) / 10} kB each`;
    const note = `after 2,000 requests ${before.toFixed(1)}; 1,000 idle connections ${added.toFixed(1)} more (${perConnection}); after ${loadSeconds} s of 100 × 10 ${loaded.toFixed(1)}`;
    result.cells.push({ proxy: proxy.name, value: idle, low: null, high: null, note, runs: [run] });
    if (proxy.name === "isobar") {
      ours = run;
    }
  }
  if (context.options.isobar) {
    result.judgements.push(judge("memory", "idle, MB", ours?.idle ?? null, idleLimit));
    result.judgements.push(
      judge("memory", "1,000 connections more, MB", ours?.added ?? null, connectionsLimit),
    );
  }
  return result;
}

/** Opens the connections, sends one request on each and reads the memory while they stay open. */
async function holdConnections(context: Context, proxy: RunningProxy): Promise<number> {
  const load = { connections, streams: 1, requests: connections, seconds: 20 };
  const args = [...loaderArguments(proxy.port, load), "--hold", String(holdSeconds)];
  const program = ["-c", String(context.options.loaderCore), context.programs.loader, ...args];
  const holder = spawn("taskset", program, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(holder, "exit");
  await Promise.race([once(holder.stdout, "data"), ended]); // the result comes when all are answered
  await sleep(holdSeconds * 500);
  const { rssMegabytes } = processUsage(proxy.process.pid);
  await ended;
  return rssMegabytes;
}
