import type { Context } from "./context.ts";
import { coreBusySeconds, processUsage } from "./process-usage.ts";
import type { RunningProxy } from "./proxy-kinds.ts";
import type { Load, LoaderResult } from "./run-loader.ts";
import { runLoader } from "./run-loader.ts";
import { waitForQuiet } from "./wait-for-quiet.ts";

/** A run counts for the limits only if the proxy had this share of its core. */
export const busyEnough = 0.9;

/** What a run under load says about the proxy. */
export interface Run {
  cpuMicrosPerRequest: number;
  requestsPerSecond: number;
  /** Share of its core the proxy used. */
  coreShare: number;
  /** Share of that core which other processes used meanwhile. */
  othersShare: number;
  /** No errors, and the proxy had enough of its core. */
  counts: boolean;
  errors: number;
  loader: LoaderResult;
}

/** Warms up, then measures one run of a load through a proxy. */
export async function measureRun(context: Context, proxy: RunningProxy, load: Load): Promise<Run> {
  await waitForQuiet(context.options);
  await runLoader(context, proxy.port, { ...load, seconds: Math.min(0.3, context.options.seconds) });
  return measureWork(context, proxy, async () => {
    const loader = await runLoader(context, proxy.port, load);
    return { requests: loader.requests, seconds: loader.seconds, errors: loader.errors, loader };
  });
}

/** Measures what a proxy uses while some work runs. */
export async function measureWork<Done extends { requests: number; seconds: number; errors: number }>(
  context: Context,
  proxy: RunningProxy,
  work: () => Promise<Done>,
): Promise<Omit<Run, "loader"> & Done> {
  const core = context.options.proxyCore;
  const before = processUsage(proxy.process.pid).cpuSeconds;
  const busyBefore = coreBusySeconds(core);
  const started = performance.now();
  const done = await work();
  const wall = (performance.now() - started) / 1000;
  const cpu = processUsage(proxy.process.pid).cpuSeconds - before;
  const busy = coreBusySeconds(core) - busyBefore;
  const coreShare = cpu / wall;
  return {
    ...done,
    cpuMicrosPerRequest: done.requests > 0 ? (cpu / done.requests) * 1e6 : Number.NaN,
    requestsPerSecond: done.requests / done.seconds,
    coreShare,
    othersShare: Math.max(0, busy - cpu) / wall,
    counts: done.errors === 0 && done.requests > 0 && coreShare >= busyEnough,
  };
}
