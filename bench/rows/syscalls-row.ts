import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "../lib/context.ts";
import { processTree } from "../lib/process-usage.ts";
import { firstLine } from "../lib/proxy-kinds.ts";
import type { RowResult } from "../lib/results.ts";
import { judge } from "../lib/results.ts";
import { runLoader } from "../lib/run-loader.ts";

/** System calls by what they are for. */
interface Calls {
  reads: number;
  writes: number;
  waits: number;
  others: number;
}

const limits = { reads: 2, writes: 2, waits: 4 };
/** Timers and collectors of the runtime make a few calls of their own. */
const tolerance = 0.02;
const few = 1000;
const many = 3000;

/** System calls per request, for one request at a time on one connection. */
export async function syscallsRow(context: Context): Promise<RowResult> {
  const result: RowResult = {
    row: "syscalls",
    title: "one request alone on a connection",
    unit: "system calls/request",
    cells: [],
    judgements: [],
  };
  if (firstLine("strace", ["-V"]) === "") {
    context.skipped.set("strace", "not installed: run bench/install.sh");
  }
  for (const proxy of context.skipped.has("strace") ? [] : context.proxies) {
    context.progress.show(`syscalls ${proxy.name}`);
    await runLoader(context, proxy.port, { connections: 1, streams: 1, requests: few });
    const base = await countCalls(context, proxy.process.pid, proxy.port, few);
    const full = await countCalls(context, proxy.process.pid, proxy.port, many);
    const each = (kind: keyof Calls) => (full[kind] - base[kind]) / (many - few);
    const calls = {
      reads: each("reads"),
      writes: each("writes"),
      waits: each("waits"),
      others: each("others"),
    };
    const text = Object.entries(calls).map(([kind, count]) => `${kind} ${count.toFixed(2)}`);
    const value = calls.reads + calls.writes + calls.waits + calls.others;
    result.cells.push({
      proxy: proxy.name,
      value,
      low: null,
      high: null,
      note: text.join(", "),
      runs: [calls],
    });
    if (proxy.name === "isobar") {
      result.judgements = judgeCalls(calls);
    }
  }
  if (context.options.isobar && result.judgements.length === 0) {
    result.judgements = judgeCalls(null);
  }
  return result;
}

function judgeCalls(calls: Calls | null) {
  return (["reads", "writes", "waits"] as const).map((kind) => {
    const judged = judge(
      "syscalls",
      kind,
      calls?.[kind] ?? null,
      limits[kind] + tolerance,
      "exact but for the runtime's own calls",
    );
    return { ...judged, limit: limits[kind] };
  });
}

/** Counts the calls of a process tree while the load generator sends a number of requests one by one. */
async function countCalls(context: Context, pid: number, port: number, requests: number): Promise<Calls> {
  const folder = mkdtempSync(`${tmpdir()}/bench-`);
  const output = `${folder}/calls`;
  try {
    const targets = processTree(pid).flatMap((one) => ["-p", String(one)]);
    const tracer = spawn("strace", ["-f", "-c", "-o", output, ...targets], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    await Promise.race([once(tracer.stderr, "data"), sleep(3000, undefined, { ref: false })]);
    await sleep(300);
    // Slow under a tracer: 60 s are a limit, not a length.
    await runLoader(context, port, { connections: 1, streams: 1, requests, seconds: 60 });
    const ended = once(tracer, "exit");
    tracer.kill("SIGINT");
    await ended;
    return sumCalls(readFileSync(output, "utf8"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function sumCalls(summary: string): Calls {
  const calls: Calls = { reads: 0, writes: 0, waits: 0, others: 0 };
  for (const line of summary.split("\n")) {
    const columns = line.trim().split(/\s+/);
    const name = columns.at(-1) ?? "";
    const count = Number(columns[3]);
    if (!(count > 0) || name === "total") {
      continue;
    }
    if (/^(read|readv|recvfrom|recvmsg|pread64)$/.test(name)) calls.reads += count;
    else if (/^(write|writev|sendto|sendmsg)$/.test(name)) calls.writes += count;
    else if (/^(epoll_p?wait2?|io_uring_enter|p?poll|p?select6?)$/.test(name)) calls.waits += count;
    else calls.others += count;
  }
  return calls;
}
