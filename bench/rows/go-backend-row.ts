import { readFileSync } from "node:fs";
import type { Context } from "../lib/context.ts";
import { median } from "../lib/median.ts";
import type { PinnedProcess } from "../lib/pinned-process.ts";
import { startPinned } from "../lib/pinned-process.ts";
import { places } from "../lib/places.ts";
import { processUsage } from "../lib/process-usage.ts";
import type { RowResult } from "../lib/results.ts";
import { judge } from "../lib/results.ts";
import type { Load } from "../lib/run-loader.ts";
import { runLoader } from "../lib/run-loader.ts";
import { waitForPort } from "../lib/wait-for-port.ts";
import { waitForQuiet } from "../lib/wait-for-quiet.ts";
import { writeIsobarConfig } from "../lib/write-isobar-config.ts";

const limit = 1.05;
const inFlight = 100;
const goPort = places.ports.goBackend;

/** What a request costs a grpc-go server through the proxy, compared with a client of its own. */
export async function goBackendRow(context: Context): Promise<RowResult> {
  const title = "grpc-go backend, 17 headers, 100 in flight: the backend's CPU";
  const result: RowResult = {
    row: "go-backend",
    title,
    unit: "backend CPU µs/request",
    cells: [],
    judgements: [],
  };
  let ratio: number | null = null;
  let reason = "";
  try {
    context.progress.show("go-backend: building");
    const program = context.programs.goBackend();
    await using backend = startPinned(context.options.loaderCore, program, [
      "--address",
      `127.0.0.1:${goPort}`,
    ]);
    await waitForPort(backend, goPort);
    ratio = await compare(context, backend, result);
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
    context.skipped.set("go-backend", reason);
  }
  if (context.options.isobar) {
    result.judgements.push(judge("go-backend", "through isobar / direct", ratio, limit, reason));
  }
  return result;
}

async function compare(context: Context, backend: PinnedProcess, result: RowResult): Promise<number | null> {
  const single = { connections: 1, streams: inFlight, headers17: true };
  if (!context.proxies.some((proxy) => proxy.name === "isobar")) {
    await backendCost(context, backend, goPort, single);
    addCell(result, "direct", [await backendCost(context, backend, goPort, single)], "1 connection");
    return null;
  }
  const config = writeIsobarConfig("isobar-to-go", places.ports.isobarToGo, [goPort]);
  const args = [places.launcher, "proxy", "--config", config];
  await using proxy = startPinned(context.options.proxyCore, process.execPath, args);
  await waitForPort(proxy, places.ports.isobarToGo);
  const through = { connections: 10, streams: inFlight / 10, headers17: true };
  await backendCost(context, backend, places.ports.isobarToGo, through);
  // The direct client gets as many connections as the proxy keeps.
  const connections = Math.max(1, connectionsTo(goPort));
  const straight = { ...single, connections, streams: Math.round(inFlight / connections) };
  await backendCost(context, backend, goPort, straight);
  const costs: { direct: number; isobar: number }[] = [];
  for (let turn = 1; turn <= context.options.repetitions; turn++) {
    context.progress.show(`go-backend ${turn}`);
    costs.push({
      direct: await backendCost(context, backend, goPort, straight),
      isobar: await backendCost(context, backend, places.ports.isobarToGo, through),
    });
  }
  const note = `${connections} connection${connections > 1 ? "s" : ""} to the backend`;
  addCell(
    result,
    "direct",
    costs.map((cost) => cost.direct),
    note,
  );
  addCell(
    result,
    "isobar",
    costs.map((cost) => cost.isobar),
    note,
  );
  return median(costs.map((cost) => cost.isobar / cost.direct));
}

/** CPU µs the backend spends for each request of one run. */
async function backendCost(
  context: Context,
  backend: PinnedProcess,
  port: number,
  load: Load,
): Promise<number> {
  await waitForQuiet(context.options);
  const before = processUsage(backend.pid).cpuSeconds;
  const done = await runLoader(context, port, load);
  if (done.errors > 0 || done.requests === 0) {
    throw new Error(
      `${done.errors} of ${done.requests + done.errors} requests failed: ${JSON.stringify(done.errorKinds)}`,
    );
  }
  return ((processUsage(backend.pid).cpuSeconds - before) / done.requests) * 1e6;
}

function addCell(result: RowResult, proxy: string, figures: number[], note: string): void {
  const runs = figures.map((cpuMicrosPerRequest) => ({ cpuMicrosPerRequest }));
  result.cells.push({
    proxy,
    value: median(figures),
    low: Math.min(...figures),
    high: Math.max(...figures),
    note,
    runs,
  });
}

/** Established connections to a loopback port. */
function connectionsTo(port: number): number {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = readFileSync("/proc/net/tcp", "latin1").split("\n");
  return lines.map((line) => line.trim().split(/\s+/)).filter((at) => at[1] === local && at[3] === "01")
    .length;
}
