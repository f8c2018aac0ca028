import { readFileSync } from "node:fs";
import type { Context } from "../lib/context.ts";
import { busyEnough } from "../lib/measure-run.ts";
import { median } from "../lib/median.ts";
import type { PinnedProcess } from "../lib/pinned-process.ts";
import { startPinned } from "../lib/pinned-process.ts";
import { places } from "../lib/places.ts";
import { processUsage } from "../lib/process-usage.ts";
import type { RowResult } from "../lib/results.ts";
import { judge } from "../lib/results.ts";
import type { Load } from "../lib/run-loader.ts";
import { runLoader } from "../lib/run-loader.ts";
import { startIsobar } from "../lib/start-isobar.ts";
import { waitForPort } from "../lib/wait-for-port.ts";
import { waitForQuiet } from "../lib/wait-for-quiet.ts";

const limit = 1.05;
/** So many that the server never waits: how it batches then depends on its input alone. */
const inFlight = 1000;
/** Many short pairs instead of a few long ones: the ratio is near 1 and the noise is not. */
const pairsPerRepetition = 4;
const goPort = places.ports.goBackend;

/** What one run cost the backend. It counts if the backend was saturated. */
interface Cost {
  cpuMicrosPerRequest: number;
  coreShare: number;
  counts: boolean;
}

interface Pair {
  direct: Cost;
  isobar: Cost;
}

/** What a request costs a grpc-go server through the proxy, compared with a client of its own. */
export async function goBackendRow(context: Context): Promise<RowResult> {
  const title = "grpc-go backend, 17 headers, 1,000 in flight: the backend's CPU";
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
  // The server has a core to itself; whoever feeds it, client or client and proxy, shares the other one.
  const { proxyCore, seconds, repetitions } = context.options;
  const common = { headers17: true, core: proxyCore, seconds: seconds / 2 };
  const single = { ...common, connections: 1, streams: inFlight };
  if (!context.proxies.some((proxy) => proxy.name === "isobar")) {
    await backendCost(context, backend, goPort, single);
    addCell(result, "direct", [await backendCost(context, backend, goPort, single)], "1 connection");
    return null;
  }
  const isobar = await startIsobar(context, "isobar-to-go", places.ports.isobarToGo, [goPort], {});
  await using _ = isobar.process;
  const through = { ...common, connections: 10, streams: inFlight / 10 };
  await backendCost(context, backend, places.ports.isobarToGo, through);
  // The direct client gets as many connections as the proxy keeps.
  const connections = Math.max(1, connectionsTo(goPort));
  const straight = { ...single, connections, streams: Math.round(inFlight / connections) };
  await backendCost(context, backend, goPort, straight);
  const cost = {
    direct: () => backendCost(context, backend, goPort, straight),
    isobar: () => backendCost(context, backend, places.ports.isobarToGo, through),
  };
  const pairs: Pair[] = [];
  for (let turn = 1; turn <= repetitions * pairsPerRepetition; turn++) {
    context.progress.show(`go-backend ${turn}/${repetitions * pairsPerRepetition}`);
    // Whoever goes first changes with every turn.
    const first = turn % 2 === 1 ? await cost.direct() : await cost.isobar();
    const second = turn % 2 === 1 ? await cost.isobar() : await cost.direct();
    pairs.push(turn % 2 === 1 ? { direct: first, isobar: second } : { direct: second, isobar: first });
  }
  const counted = pairs.filter((pair) => pair.direct.counts && pair.isobar.counts);
  const note = `${connections} connection(s) to the backend; ${counted.length} of ${pairs.length} pairs count`;
  for (const name of ["direct", "isobar"] as const) {
    addCell(
      result,
      name,
      pairs.map((pair) => pair[name]),
      note,
    );
  }
  if (counted.length < repetitions) {
    throw new Error(`only ${counted.length} of ${pairs.length} pairs count (backend ≥ 90 % of its core)`);
  }
  return median(counted.map((pair) => pair.isobar.cpuMicrosPerRequest / pair.direct.cpuMicrosPerRequest));
}

/** CPU µs the backend spends for each request of one run. */
async function backendCost(
  context: Context,
  backend: PinnedProcess,
  port: number,
  load: Load,
): Promise<Cost> {
  await waitForQuiet(context.options);
  const before = processUsage(backend.pid).cpuSeconds;
  const done = await runLoader(context, port, load);
  if (done.errors > 0 || done.requests === 0) {
    throw new Error(
      `${done.errors} of ${done.requests + done.errors} requests failed: ${JSON.stringify(done.errorKinds)}`,
    );
  }
  const cpu = processUsage(backend.pid).cpuSeconds - before;
  const coreShare = cpu / done.seconds;
  return { cpuMicrosPerRequest: (cpu / done.requests) * 1e6, coreShare, counts: coreShare >= busyEnough };
}

function addCell(result: RowResult, proxy: string, runs: Cost[], note: string): void {
  const figures = runs.map((run) => run.cpuMicrosPerRequest);
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
