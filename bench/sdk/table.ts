// What a unary call costs a program in Node by each way of finding its endpoints: added latency, and processor time of the program and of the
// proxy where there is one.
//
//   node bench/sdk/table.ts [rounds] [calls]        default 9, 2000
//
// Backends are the benchmark's own, in C; all ways have the same three. Each way is a process of its own, warmed up with 6,000 calls. In every round each
// of them makes `calls` calls with 10 in flight, for the processor time, and a quarter as many one after the other, for the latency; the order changes
// from round to round. Figures are medians over the rounds; differences and ratios are made of runs of the same round. Processor time is the process's
// own (getrusage; of the proxy from /proc), which a busy machine changes less than times.
import type { ChildProcess } from "node:child_process";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePorts } from "../../test/support/free-ports.ts";
import { buildBackend } from "../lib/build-programs.ts";
import { median } from "../lib/median.ts";
import { processUsage } from "../lib/process-usage.ts";
import type { CallsTaken } from "./calling-client.ts";

const [rounds = 9, calls = 2_000] = process.argv.slice(2).map(Number);
const WARM_UP_CALLS = 6_000;
const IN_FLIGHT = 10;
const ECHO = "echo.default:50051";
const LAUNCHER = fileURLToPath(new URL("../../src/cli/launch.mjs", import.meta.url));
const CLIENT = fileURLToPath(new URL("calling-client.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "isobar-sdk-table-"));
const children: ChildProcess[] = [];
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** One way of calling. */
interface Way {
  readonly name: string;
  readonly run: (calls: number, inFlight: number) => Promise<CallsTaken>;
  /** The proxy on the way, if there is one. */
  readonly proxy?: number;
}

/** What a way came to, by round. */
interface Figures {
  readonly clientMicros: number[];
  readonly proxyMicros: number[];
  readonly medianMicros: number[];
  readonly p99Micros: number[];
}

function start(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...env } });
  children.push(child);
  return child;
}

async function untilReady(port: number): Promise<void> {
  for (let i = 0; i < 600; i++) {
    const response = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => undefined);
    if (response?.ok) return;
    await sleep(50);
  }
  throw new Error(`nothing is ready at 127.0.0.1:${port}`);
}

function way(name: string, target: string, authority = "", env: NodeJS.ProcessEnv = {}, proxy?: number): Way {
  const child = start(process.execPath, [CLIENT, name, target, authority], env);
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const run = async (wanted: number, inFlight: number): Promise<CallsTaken> => {
    child.stdin!.write(`${wanted} ${inFlight}\n`);
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${name} has ended`);
    const taken = JSON.parse(value) as CallsTaken;
    if (taken.errors > 0) throw new Error(`${name}: ${taken.errors} calls failed`);
    return taken;
  };
  return proxy === undefined ? { name, run } : { name, run, proxy };
}

const [a = 0, b = 0, c = 0, xds = 0, xdsAdmin = 0, listener = 0, admin = 0] = await freePorts(7);
start(buildBackend(), ["--ports", [a, b, c].join()]);
const endpoints = [a, b, c].map((port) => ({ address: `127.0.0.1:${port}` }));
const services = join(folder, "services.yaml");
writeFileSync(services, JSON.stringify({ clusters: [{ name: ECHO, endpoints }] }));
const serving = [
  "--address",
  `127.0.0.1:${xds}`,
  "--admin",
  `127.0.0.1:${xdsAdmin}`,
  "--insecure",
  "--log-level",
  "error",
];
start(process.execPath, [LAUNCHER, "control-plane", "--static", services, ...serving]);
await untilReady(xdsAdmin);
const config = join(folder, "isobar.yaml");
writeFileSync(
  config,
  JSON.stringify({
    log: { level: "error" },
    admin: { address: `127.0.0.1:${admin}` },
    listeners: [{ name: "local", address: `127.0.0.1:${listener}` }],
    controlPlane: { addresses: [`127.0.0.1:${xds}`], insecure: true },
  }),
);
const proxy = start(process.execPath, [LAUNCHER, "proxy", "--config", config]);
await untilReady(admin);
const bootstrap = join(folder, "bootstrap.json");
const server = {
  server_uri: `127.0.0.1:${xds}`,
  channel_creds: [{ type: "insecure" }],
  server_features: ["xds_v3"],
};
writeFileSync(
  bootstrap,
  JSON.stringify({
    xds_servers: [server],
    node: { id: "bench", cluster: "bench", locality: { region: "r", zone: "a" } },
  }),
);

const ways = [
  way("direct", `ipv4:${[a, b, c].map((port) => `127.0.0.1:${port}`).join()}`),
  way("client", `isobar:///${ECHO}`, "", {
    ISOBAR_CONTROL_PLANE: `127.0.0.1:${xds}`,
    ISOBAR_INSECURE: "true",
  }),
  way("grpc-js-xds", `xds:///${ECHO}`, "", { GRPC_XDS_BOOTSTRAP: bootstrap }),
  way("proxy", `127.0.0.1:${listener}`, ECHO, {}, proxy.pid!),
];
for (const { run } of ways) await run(WARM_UP_CALLS, IN_FLIGHT);

const figures = new Map<string, Figures>(
  ways.map(({ name }) => [name, { clientMicros: [], proxyMicros: [], medianMicros: [], p99Micros: [] }]),
);
for (let round = 0; round < rounds; round++) {
  for (let i = 0; i < ways.length; i++) {
    const { name, run, proxy: pid } = ways[(i + round) % ways.length]!;
    const { clientMicros, proxyMicros, medianMicros, p99Micros } = figures.get(name)!;
    const before = pid === undefined ? 0 : processUsage(pid).cpuSeconds;
    const { cpuMicros } = await run(calls, IN_FLIGHT);
    proxyMicros.push(pid === undefined ? 0 : ((processUsage(pid).cpuSeconds - before) * 1e6) / calls);
    clientMicros.push(cpuMicros);
    const alone = await run(Math.ceil(calls / 4), 1);
    medianMicros.push(alone.medianMicros);
    p99Micros.push(alone.p99Micros);
  }
}

const direct = figures.get("direct")!;
const byRound = (of: Figures, make: (round: number, of: Figures) => number): number =>
  median(Array.from({ length: rounds }, (_, round) => make(round, of)));
const rows = ways.map(({ name }) => {
  const of = figures.get(name)!;
  const client = median(of.clientMicros);
  const ofProxy = median(of.proxyMicros);
  const ratio = byRound(of, (n) => (of.clientMicros[n]! + of.proxyMicros[n]!) / direct.clientMicros[n]!);
  const added = byRound(of, (n) => of.medianMicros[n]! - direct.medianMicros[n]!);
  const addedP99 = byRound(of, (n) => of.p99Micros[n]! - direct.p99Micros[n]!);
  const cells = [client, ofProxy, client + ofProxy].map((value) => value.toFixed(0));
  return `| ${name} | ${cells.join(" | ")} | ${ratio.toFixed(2)} | ${median(of.medianMicros).toFixed(0)} | ${added.toFixed(0)} | ${addedP99.toFixed(0)} |`;
});
const version = (name: string): string =>
  (
    JSON.parse(
      readFileSync(
        fileURLToPath(new URL(`../../node_modules/${name}/package.json`, import.meta.url)),
        "utf8",
      ),
    ) as { version: string }
  ).version;
console.log(
  [
    `${new Date().toISOString()}, ${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.versions.node}, grpc-js ${version("@grpc/grpc-js")}, grpc-js-xds ${version("@grpc/grpc-js-xds")}, load ${execFileSync("cat", ["/proc/loadavg"], { encoding: "utf8" }).split(" ").slice(0, 2).join(" ")}`,
    `${rounds} rounds of ${calls} calls, ${IN_FLIGHT} in flight (processor time), and ${Math.ceil(calls / 4)}, one after the other (latency)`,
    "",
    "| way | CPU of the program, µs per call | CPU of the proxy | together | × direct | latency p50, µs | added p50 | added p99 |",
    "|---|---|---|---|---|---|---|---|",
    ...rows,
  ].join("\n"),
);
process.exit(0);
