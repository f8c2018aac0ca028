// One daemon on a node against a sidecar in each of its Pods: memory, processor time and latency. bench/README.md has the method.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { buildBackend, buildLoader } from "../lib/build-programs.ts";
import { describeMachine } from "../lib/machine.ts";
import { median } from "../lib/median.ts";
import type { PinnedProcess } from "../lib/pinned-process.ts";
import { startPinned } from "../lib/pinned-process.ts";
import { places } from "../lib/places.ts";
import { processUsage } from "../lib/process-usage.ts";
import { createProgress } from "../lib/progress.ts";
import type { LoaderResult } from "../lib/run-loader.ts";
import { runProgram } from "../lib/run-program.ts";
import type { MemoryOf } from "./memory-of.ts";
import { memoryOf } from "./memory-of.ts";
import { CALLED, sidecarConfiguration } from "./sidecar-configuration.ts";

const USAGE = `usage: node bench/sidecars/sidecars.ts [options]
  --pods N[,N]         Pods of the node, each with a sidecar and one connection (30,110)
  --rate N             requests per second of all Pods together (1000)
  --seconds S          of each measurement (10)
  --repetitions N      of each, interleaved; medians are shown (5)
  --services N         services that each proxy knows (50), with 20 endpoints each
  --json FILE
  --help
Exit code 0; 69 when Envoy is missing (bash bench/install.sh).
`;

const ENDPOINTS = 20;
const OUTBOUND = 15_001;
const INBOUND = 15_006;
const ISOBAR_PORT = 18_150;
/** Sidecars of the Pods that are called. */
const FAR = 3;
const STREAMS = 16;
/** Istio's default. */
const SIDECAR_THREADS = 2;
/** Of a node all cores are there for all. */
const ALL_CORES = "0-1023";
const SETTLE_MS = 5_000;
const READY_MS = 120_000;

/** What calls go through. */
interface Way {
  readonly name: string;
  /** Hosts the Pods' connections lead to, by turns. */
  readonly hosts: readonly string[];
  readonly port: number;
  readonly authority: string;
  /** Whose processor time is counted. */
  readonly pids: readonly number[];
}

interface Measured {
  readonly name: string;
  readonly cpuMicros: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly rate: number;
}

const { values } = parseArgs({
  options: {
    pods: { type: "string", default: "30,110" },
    rate: { type: "string", default: "1000" },
    seconds: { type: "string", default: "10" },
    repetitions: { type: "string", default: "5" },
    services: { type: "string", default: "50" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
if (!existsSync(places.envoy)) {
  process.stderr.write("sidecars: Envoy is not installed; run: bash bench/install.sh\n");
  process.exit(69);
}
const [rate, seconds, repetitions, services] = [
  values.rate,
  values.seconds,
  values.repetitions,
  values.services,
].map(Number) as [number, number, number, number];
const progress = createProgress();
const loader = buildLoader();
const machine = describeMachine([]);
const results: object[] = [];
for (const pods of values.pods.split(",").map(Number)) results.push(await compare(pods));
progress.clear();
if (values.json !== undefined)
  writeFileSync(
    values.json,
    `${JSON.stringify({ machine, rate, seconds, repetitions, services, results }, undefined, 1)}\n`,
  );

async function compare(pods: number): Promise<object> {
  await using stack = new AsyncDisposableStack();
  const start = (program: string, args: string[]): PinnedProcess => {
    const started = stack.use(startPinned(ALL_CORES, program, args));
    started.child.stdout?.resume();
    return started;
  };
  const backendPorts = places.ports.backends;
  start(buildBackend(), ["--ports", backendPorts.join(",")]);
  const folder = `${places.built}/sidecars`;
  mkdirSync(folder, { recursive: true });

  progress.show(`${pods} Pods: Isobar`);
  const isobarFile = `${folder}/isobar.json`;
  writeFileSync(isobarFile, JSON.stringify(isobarConfiguration(backendPorts)));
  const isobar = start(process.execPath, [places.launcher, "proxy", "--config", isobarFile]);
  await reached("127.0.0.1", ISOBAR_PORT, CALLED.oneSided, isobar);

  const addresses = Array.from({ length: pods }, (_, i) => `127.1.0.${i + 1}`);
  const farSidecars = addresses.slice(0, FAR).map((address) => `${address}:${INBOUND}`);
  const sidecars: PinnedProcess[] = [];
  for (const [i, address] of addresses.entries()) {
    progress.show(`${pods} Pods: sidecar ${i + 1}`);
    const file = `${folder}/envoy-${i}.json`;
    const ports = { outboundPort: OUTBOUND, inboundPort: INBOUND, endpoints: ENDPOINTS };
    writeFileSync(
      file,
      JSON.stringify(sidecarConfiguration({ address, ...ports, services, backendPorts, farSidecars })),
    );
    const args = [
      "-c",
      file,
      "--concurrency",
      String(SIDECAR_THREADS),
      "--disable-hot-restart",
      "-l",
      "error",
    ];
    const sidecar = start(places.envoy, args);
    sidecars.push(sidecar);
  }
  for (const [i, address] of addresses.entries())
    await reached(address, OUTBOUND, CALLED.oneSided, sidecars[i]!);
  await sleep(SETTLE_MS);

  const sidecarPids = sidecars.map(({ pid }) => pid);
  const idle = { isobar: memoryOf([isobar.pid]), sidecars: memoryOf(sidecarPids) };
  const idleCpu = await cpuOver(SETTLE_MS, [[isobar.pid], sidecarPids]);
  const local = { hosts: ["127.0.0.1"], authority: CALLED.oneSided };
  const each = { hosts: addresses, port: OUTBOUND, pids: sidecarPids };
  const ways: Way[] = [
    { name: "direct", ...local, port: backendPorts[0], pids: [] },
    { name: "Isobar", ...local, port: ISOBAR_PORT, pids: [isobar.pid] },
    { name: "sidecars of the callers", ...each, authority: CALLED.oneSided },
    { name: "sidecars on both sides", ...each, authority: CALLED.bothSided },
  ];
  const rounds: Measured[][] = [];
  // The first round is not counted: what it makes stays.
  for (let round = 0; round <= repetitions; round++) {
    const measured: Measured[] = [];
    for (const way of ways) {
      progress.show(`${pods} Pods: ${way.name} ${round}/${repetitions}`);
      measured.push(await measure(way, pods));
    }
    if (round > 0) rounds.push(measured);
  }
  const loaded = { isobar: memoryOf([isobar.pid]), sidecars: memoryOf(sidecarPids) };
  const figures = ways.map(({ name }, i) =>
    summary(
      name,
      rounds.map((round) => round[i]!),
    ),
  );
  progress.clear();
  print(pods, idle, idleCpu, loaded, figures);
  return { pods, idle, idleCpu, loaded, figures };
}

function isobarConfiguration(backendPorts: readonly number[]): object {
  const address = "127.0.0.1";
  const near = backendPorts.map((port) => ({ address, port }));
  return {
    node: { id: "bench", zone: "zone-a" },
    admin: { address: `${address}:18151` },
    metrics: { address: `${address}:18152` },
    listeners: [{ name: "local", address: `${address}:${ISOBAR_PORT}` }],
    clusters: Array.from({ length: services }, (_, i) => ({
      name: i === 0 ? CALLED.oneSided : `service-${i}.default:50051`,
      loadBalancer: { policy: "least_request" },
      endpoints: (i === 0
        ? near
        : Array.from({ length: ENDPOINTS }, (__, n) => ({ address: `10.100.${i}.${n + 1}`, port: 50_051 }))
      ).map((endpoint) => ({ address: `${endpoint.address}:${endpoint.port}` })),
    })),
  };
}

/** Waits until a call arrives. @throws when the process ends, or nothing arrives. */
async function reached(host: string, port: number, authority: string, owner: PinnedProcess): Promise<void> {
  const untilMs = performance.now() + READY_MS;
  const args = [...["--host", host, "--port", String(port), "--authority", authority], "--requests", "1"];
  for (;;) {
    const failed = await runProgram(0, loader, [...args, "--connections", "1", "--seconds", "2"], 2).then(
      (output) => ((JSON.parse(output) as LoaderResult).errors === 0 ? undefined : output),
      (error: unknown) => error,
    );
    if (failed === undefined) return;
    if (owner.exited() || performance.now() > untilMs)
      throw new Error(`no call arrives through ${host}:${port}: ${owner.complaints()} ${String(failed)}`);
    await sleep(200);
  }
}

async function measure(way: Way, pods: number): Promise<Measured> {
  const before = cpuSeconds(way.pids);
  const args = ["--host", way.hosts.join(","), "--port", String(way.port), "--authority", way.authority];
  args.push("--connections", String(pods), "--streams", String(STREAMS));
  args.push("--rate", String(rate), "--seconds", String(seconds));
  const output = await runProgram(0, loader, args, seconds);
  const { requests, requestsPerSecond, latencyMicros } = JSON.parse(output) as LoaderResult;
  const { p50, p99, p999 } = latencyMicros;
  const cpuMicros = ((cpuSeconds(way.pids) - before) * 1e6) / Math.max(1, requests);
  return { name: way.name, cpuMicros, p50, p99, p999, rate: requestsPerSecond };
}

function summary(name: string, rounds: readonly Measured[]): Measured {
  const of = (read: (each: Measured) => number): number => median(rounds.map(read));
  return {
    name,
    cpuMicros: of((each) => each.cpuMicros),
    p50: of((each) => each.p50),
    p99: of((each) => each.p99),
    p999: of((each) => each.p999),
    rate: of((each) => each.rate),
  };
}

/** @returns milliseconds of processor time per second, of each group. */
async function cpuOver(ms: number, groups: readonly (readonly number[])[]): Promise<number[]> {
  const before = groups.map(cpuSeconds);
  await sleep(ms);
  return groups.map((pids, i) => ((cpuSeconds(pids) - before[i]!) * 1e6) / ms);
}

function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + processUsage(pid).cpuSeconds, 0);
}

function print(
  pods: number,
  idle: { readonly isobar: MemoryOf; readonly sidecars: MemoryOf },
  idleCpu: readonly number[],
  loaded: typeof idle,
  figures: readonly Measured[],
): void {
  const memory = ({ rssMegabytes: rss, pssMegabytes: pss }: MemoryOf): string =>
    `${rss.toFixed(0).padStart(6)} MB resident, ${pss.toFixed(0).padStart(6)} MB of the machine`;
  const lines = [
    `${pods} Pods, ${services} services, ${rate} requests/s of all together`,
    `  Isobar, idle             ${memory(idle.isobar)}, ${idleCpu[0]!.toFixed(1)} ms of processor a second`,
    `  Isobar, after the load   ${memory(loaded.isobar)}`,
    `  sidecars, idle           ${memory(idle.sidecars)}, ${idleCpu[1]!.toFixed(1)} ms of processor a second`,
    `  sidecars, after the load ${memory(loaded.sidecars)}`,
    ...figures.map(
      ({ name, cpuMicros, p50, p99, p999, rate: reachedRate }) =>
        `  ${name.padEnd(24)} ${cpuMicros.toFixed(0).padStart(6)} µs of processor a request; p50 ${micros(p50)}, p99 ${micros(p99)}, p99.9 ${micros(p999)}; ${reachedRate.toFixed(0)}/s`,
    ),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

function micros(value: number): string {
  return value < 10_000 ? `${value.toFixed(0)} µs` : `${(value / 1_000).toFixed(1)} ms`;
}
