// What a request costs that capture has led to the proxy, beside one that came to its listener. bench/README.md has the method.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import type { BoxNamespace } from "../../test/box/harness/box-namespace.ts";
import { BoxNetwork } from "../../test/box/harness/box-network.ts";
import { readJson } from "../../test/box/harness/box-proxy.ts";
import { LoggedProgram } from "../../test/box/harness/logged-program.ts";
import { missingForBox } from "../../test/box/harness/missing-for-box.ts";
import { until } from "../../test/e2e/harness/until.ts";
import { buildPrograms } from "../lib/build-programs.ts";
import { median } from "../lib/median.ts";
import { places } from "../lib/places.ts";
import { processUsage } from "../lib/process-usage.ts";
import type { LoaderResult } from "../lib/run-loader.ts";
import { loaderArguments } from "../lib/run-loader.ts";

const USAGE = `usage: node bench/node/captured-cost.ts [options]
  --turns N      of both in alternation (7)
  --seconds S    of one run (2)
  --check        exit code 1 if captured requests cost more than ${1.1} times the others, or that could not be judged
  --help
`;

/** Captured to not captured, CPU per request. */
const LIMIT = 1.1;
/** A proxy with less of its core does not count. */
const BUSY_ENOUGH = 0.9;
const [PROXY_CORE, LOADER_CORE] = [1, 0];
const LISTENER_PORT = 15_101;
const SERVICE = { address: "10.99.0.1", port: 50_051 };
const SHAPES = [
  { name: "u10x10", connections: 10, streams: 10 },
  { name: "u100x1", connections: 100, streams: 1 },
] as const;
const LIMIT_MS = 20_000;

const run = promisify(execFile);

/** Where requests go, and whose processor time they are. */
interface Way {
  readonly name: "listener" | "captured";
  readonly host: string;
  readonly port: number;
  readonly pid: number;
}

interface Figure {
  readonly micros: number;
  readonly counts: boolean;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      turns: { type: "string", default: "7" },
      seconds: { type: "string", default: "2" },
      check: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const missing = missingForBox([]);
  if (missing !== undefined) {
    process.stderr.write(`captured-cost: ${missing}\n`);
    return 69;
  }
  const programs = buildPrograms();
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "isobox-cost-"));
  stack.defer(() => rmSync(folder, { recursive: true }));
  const network = stack.use(BoxNetwork.open(1));
  const [node] = network.nodes;
  const pod = node!.addPod();
  const start = (log: string, args: readonly string[]): LoggedProgram => {
    const program = new LoggedProgram(node!.namespace, join(folder, log), args);
    stack.defer(() => program.stop());
    return program;
  };
  // Node runs the backends too, so that they get the namespace, the core and the end that the others get.
  const backend = ["--ports", places.ports.backends.join(",")];
  start("backends.log", ["-e", RUN, String(LOADER_CORE), programs.backend, ...backend]);
  const plain = start("listener.log", isobar(folder, "listener", listenerConfig(node!.addresses[0])));
  const captured = start(
    "captured.log",
    isobar(folder, "captured", captureConfig(folder, pod.addresses[0], node!.addresses[0])),
  );
  start("capture.log", [places.launcher, "capture", "--run-dir", folder]);
  await plain.logged(/"message":"ready"/);
  await until(
    "capture leads connections to the proxy",
    () => readJson<{ readonly open?: boolean }>(join(folder, "capture.json"))?.open === true,
    () => captured.lines.slice(-10),
    LIMIT_MS,
  );
  const ways: readonly Way[] = [
    { name: "listener", host: node!.addresses[0], port: LISTENER_PORT, pid: plain.pid },
    { name: "captured", host: SERVICE.address, port: SERVICE.port, pid: captured.pid },
  ];
  let isGood = true;
  for (const shape of SHAPES) {
    const turns: Figure[][] = [];
    for (let turn = 0; turn < Number(values.turns); turn++) {
      const figures: Figure[] = [];
      for (const way of ways)
        figures.push(await measure(pod.namespace, programs.loader, way, shape, Number(values.seconds)));
      turns.push(figures);
    }
    if (!show(shape.name, turns)) isGood = false;
  }
  return values.check && !isGood ? 1 : 0;
}

/** Runs a program on a core, for as long as this runs. */
const RUN = `const { spawn } = require("node:child_process");
const [core, ...command] = process.argv.slice(1);
const child = spawn("taskset", ["-c", core, ...command], { stdio: ["ignore", "ignore", "inherit"] });
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => child.kill());
child.on("exit", () => process.exit());`;

/** @returns what Node is to run for a proxy, on the core of proxies. */
function isobar(folder: string, name: string, config: object): readonly string[] {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, JSON.stringify(config));
  return [places.launcher, "proxy", "--config", file];
}

const clusters = (name: string): object[] => [
  {
    name,
    loadBalancer: { policy: "least_request" },
    endpoints: places.ports.backends.map((port) => ({ address: `127.0.0.1:${port}` })),
  },
];

function listenerConfig(address: string): object {
  return {
    admin: { address: "127.0.0.1:15201" },
    listeners: [{ name: "local", address: `${address}:${LISTENER_PORT}` }],
    clusters: clusters(places.authority),
  };
}

function captureConfig(runDir: string, caller: string, hostAddress: string): object {
  const service = "echo.default:50051";
  return {
    admin: { address: "127.0.0.1:15202" },
    listeners: [],
    capture: {
      runDir,
      generation: "captured",
      hostAddress,
      services: [{ service, addresses: [SERVICE.address], port: SERVICE.port }],
    },
    callers: [{ uid: "u1", namespace: "shop", pod: "client", addresses: [caller], mode: "transparent" }],
    clusters: clusters(service),
  };
}

async function measure(
  pod: BoxNamespace,
  loader: string,
  { host, port, pid }: Way,
  shape: (typeof SHAPES)[number],
  seconds: number,
): Promise<Figure> {
  const load = async (length: number): Promise<LoaderResult> => {
    const args = ["--host", host, ...loaderArguments(port, { ...shape, seconds: length })];
    const { command, args: entered } = pod.enter({
      command: "taskset",
      args: ["-c", String(LOADER_CORE), loader, ...args],
    });
    return JSON.parse((await run(command, entered)).stdout) as LoaderResult;
  };
  await run("taskset", ["-a", "-cp", String(PROXY_CORE), String(pid)]);
  await load(Math.min(0.3, seconds));
  const before = processUsage(pid).cpuSeconds;
  const startMs = performance.now();
  const { requests, errors } = await load(seconds);
  const cpu = processUsage(pid).cpuSeconds - before;
  const share = (cpu * 1_000) / (performance.now() - startMs);
  return { micros: (cpu / requests) * 1e6, counts: errors === 0 && share >= BUSY_ENOUGH };
}

/** Prints a row. @returns whether the limit holds. */
function show(name: string, turns: readonly (readonly Figure[])[]): boolean {
  const counted = turns.filter((turn) => turn.every(({ counts }) => counts));
  const used = counted.length > 0 ? counted : turns;
  const [listener, captured] = [0, 1].map((at) => median(used.map((turn) => turn[at]!.micros)));
  const ratio = median(used.map((turn) => turn[1]!.micros / turn[0]!.micros));
  const isJudged = counted.length * 2 > turns.length;
  const verdict = isJudged ? (ratio <= LIMIT ? "ok" : "missed") : "not judged";
  process.stdout.write(
    `${name}: listener ${listener!.toFixed(2)}, captured ${captured!.toFixed(2)} CPU µs/request; ratio ${ratio.toFixed(3)}, limit ${LIMIT}: ${verdict}; ${counted.length} of ${turns.length} turns count\n`,
  );
  return verdict === "ok";
}

process.exitCode = await main();
