// Memory of what a node has of Isobar, proxy and capture together, idle and under load that is captured. bench/README.md has the method.
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { BoxCluster } from "../../test/box/harness/box-cluster.ts";
import type { BoxNode } from "../../test/box/harness/box-node.ts";
import type { BoxPod } from "../../test/box/harness/box-pod.ts";
import type { BoxService } from "../../test/box/harness/box-service.ts";
import { captured, current } from "../../test/box/harness/box-shop.ts";
import { missingForBox } from "../../test/box/harness/missing-for-box.ts";
import type { Child } from "../../test/clients/harness/child.ts";
import { until } from "../../test/e2e/harness/until.ts";
import { buildBackend, buildLoader } from "../lib/build-programs.ts";
import { processUsage } from "../lib/process-usage.ts";
import type { LoaderResult } from "../lib/run-loader.ts";

const USAGE = `usage: node bench/node/node-memory.ts [options]
  --services N      Services that are captured (50), with 4 endpoints each
  --connections N   of one Pod, to all of them by turns (500)
  --rate N          requests per second on all connections together (5000)
  --seconds S       of load (60), and at most as long again until it is idle
  --check           exit code 1 if a limit is missed, or the rate was not reached
  --help
`;

/** Of the whole, in MiB. */
const LIMITS = { idle: 150, loaded: 250 };
const BACKENDS = 4;
const LOOK_MS = 500;
/** Below this share of the rate wished for nothing is judged. */
const RATE_REACHED = 0.95;
/** Requests of one connection at a time at most: one that is late does not hold up the next. */
const STREAMS = 16;
const LIMIT_MS = 30_000;

interface Sizes {
  readonly proxyMib: number;
  readonly captureMib: number;
  /** As one Pod's memory is counted: pages of files, such as Node's code, that both have are there once. */
  readonly podMib: number;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      services: { type: "string", default: "50" },
      connections: { type: "string", default: "500" },
      rate: { type: "string", default: "5000" },
      seconds: { type: "string", default: "60" },
      check: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const [services, connections, rate, seconds] = [
    Number(values.services),
    Number(values.connections),
    Number(values.rate),
    Number(values.seconds),
  ];
  const missing = missingForBox([]);
  if (missing !== undefined) {
    process.stderr.write(`node-memory: ${missing}\n`);
    return 69;
  }
  const programs = { backend: buildBackend(), loader: buildLoader() };
  await using box = await BoxCluster.open(1);
  const node = box.nodes[0]!;
  const { all, endpoints } = await openShop(box, services, programs.backend);
  const client = await box.pod("shop", "client");
  await captured(node, client);
  await until(
    "all Services are captured",
    () => node.holds((plan) => plan.services.length >= services),
    () => node.trouble(),
  );
  const idle = await extreme(node, seconds * 1_000, false);
  show(`idle, ${services} Services`, idle);

  const before = node.captureState()?.capturedTotal ?? 0;
  const users = { proxy: node.proxy.program, capture: node.capture };
  const startCpu = cpuOf(users, endpoints);
  const startMs = performance.now();
  // Nobody has asked for any of the Services: that all connections come at once to a proxy that knows none is part of it.
  const load = client.run({ command: programs.loader, args: [] }, [
    ...["--host", all.map(({ addresses }) => addresses[0]).join(","), "--port", String(all[0]!.port)],
    ...["--authority", all.map(({ authority }) => authority).join(",")],
    ...["--connections", String(connections), "--streams", String(STREAMS)],
    ...["--rate", String(rate), "--seconds", String(seconds)],
  ]);
  const loaded = await extreme(node, seconds * 1_000, true);
  const usedSeconds = cpuOf(users, endpoints).map((each, index) => each - startCpu[index]!);
  const wallSeconds = (performance.now() - startMs) / 1_000;
  const { stdout, stderr } = await load.waitForEnd(LIMIT_MS);
  if (!stdout.startsWith("{")) throw new Error(`the load ended without a report: ${stderr}`);
  const { requestsPerSecond, errors, errorKinds, latencyMicros, cpuSeconds } = JSON.parse(
    stdout,
  ) as LoaderResult;
  await sleep(LOOK_MS * 3);
  const { capturedTotal = 0, pastTotal = 0 } = node.captureState() ?? {};
  show(`most under ${Math.round(requestsPerSecond)} requests/s on ${connections} connections`, loaded);
  const [proxyCpu, captureCpu, endpointsCpu] = usedSeconds.map((each) =>
    Math.round((each / wallSeconds) * 100),
  );
  const callerCpu = Math.round((cpuSeconds / wallSeconds) * 100);
  const millis = (micros: number): string => (micros / 1_000).toFixed(1);
  process.stdout.write(
    `${capturedTotal - before} connections led to the proxy, ${pastTotal} past it; p50 ${millis(latencyMicros.p50)}, p99 ${millis(latencyMicros.p99)} ms; ` +
      `of a core: proxy ${proxyCpu} %, capture ${captureCpu} %, endpoints ${endpointsCpu} %, caller ${callerCpu} %\n`,
  );
  if (errors > 0) process.stdout.write(`${JSON.stringify({ errorKinds, stderr, ...node.trouble() })}\n`);
  const afterwards = await extreme(node, seconds * 1_000, false);
  show("idle again", afterwards);

  const areCaptured = capturedTotal - before >= connections && pastTotal === 0;
  const isReached = requestsPerSecond >= rate * RATE_REACHED && errors === 0 && areCaptured;
  if (!isReached)
    process.stdout.write(
      `not judged: ${rate} requests/s without errors on captured connections were wanted\n`,
    );
  const isMissed =
    Math.max(idle.podMib, afterwards.podMib) > LIMITS.idle || (isReached && loaded.podMib > LIMITS.loaded);
  if (isMissed) process.stdout.write(`missed: ${LIMITS.idle} MiB idle, ${LIMITS.loaded} MiB loaded\n`);
  return values.check && (isMissed || !isReached) ? 1 : 0;
}

/** Starts everything, with all Services at the same few backends. */
async function openShop(
  box: BoxCluster,
  count: number,
  backend: string,
): Promise<{ readonly all: readonly BoxService[]; readonly endpoints: readonly Child[] }> {
  await box.namespace("shop", { mode: "transparent" });
  const pods: BoxPod[] = [];
  const endpoints: Child[] = [];
  const all: BoxService[] = [];
  for (let i = 0; i < count; i++) all.push(await box.service("shop", `echo-${i}`));
  for (let i = 0; i < BACKENDS; i++) {
    const pod = await box.pod("shop", `backend-${i}`);
    const endpoint = pod.run({ command: backend, args: [] }, [
      ...["--ports", String(all[0]!.port), "--host", "::"],
    ]);
    await endpoint.waitForOutput(/"listening":1/, LIMIT_MS);
    pods.push(pod);
    endpoints.push(endpoint);
  }
  for (const service of all) await service.add(...pods);
  await box.startControlPlane();
  const node = box.nodes[0]!;
  const proxy = node.startProxy();
  node.startCapture();
  await proxy.ready();
  await current(node, proxy.generation);
  return { all, endpoints };
}

/** @returns the processor seconds that proxy, capture and all endpoints together have used. */
function cpuOf(
  { proxy, capture }: Readonly<Record<"proxy" | "capture", { readonly pid: number }>>,
  endpoints: readonly Child[],
): readonly number[] {
  const used = (pids: readonly number[]): number =>
    pids.reduce((sum, pid) => sum + processUsage(pid).cpuSeconds, 0);
  return [used([proxy.pid]), used([capture.pid]), used(endpoints.map(({ pid }) => pid!))];
}

function sizes({ proxy, capture }: BoxNode): Sizes {
  const parts = [proxy.program.memory, capture.memory];
  const [proxyMib = 0, captureMib = 0] = parts.map(({ ownMib, filesMib }) => ownMib + filesMib);
  const own = parts.reduce((sum, { ownMib }) => sum + ownMib, 0);
  return { proxyMib, captureMib, podMib: own + Math.max(...parts.map(({ filesMib }) => filesMib)) };
}

/** @returns the sizes of a while that are more than, or else less than, all others of it. What was used last is given back by and by. */
async function extreme(node: BoxNode, forMs: number, isMore: boolean): Promise<Sizes> {
  let found = sizes(node);
  for (const endMs = performance.now() + forMs; performance.now() < endMs; await sleep(LOOK_MS)) {
    const now = sizes(node);
    if (now.podMib > found.podMib === isMore) found = now;
  }
  return found;
}

function show(what: string, { proxyMib, captureMib, podMib }: Sizes): void {
  const [proxy, capture, pod] = [proxyMib, captureMib, podMib].map(Math.round);
  process.stdout.write(`${what}: ${pod} MiB together; proxy ${proxy}, capture ${capture} MiB RSS\n`);
}

process.exitCode = await main();
