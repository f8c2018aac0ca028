// Memory of what a node has of Isobar, proxy and capture together, idle and under load that is captured. bench/README.md has the method.
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { BoxCluster } from "../../test/box/harness/box-cluster.ts";
import { BoxLoad } from "../../test/box/harness/box-load.ts";
import type { BoxNode } from "../../test/box/harness/box-node.ts";
import type { BoxPod } from "../../test/box/harness/box-pod.ts";
import type { BoxService } from "../../test/box/harness/box-service.ts";
import { captured, current } from "../../test/box/harness/box-shop.ts";
import { buildPrograms, missingForBox } from "../../test/box/harness/missing-for-box.ts";
import { go } from "../../test/clients/harness/go.ts";
import { until } from "../../test/e2e/harness/until.ts";

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
const RATE_REACHED = 0.9;

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
  const missing = missingForBox();
  if (missing !== undefined) {
    process.stderr.write(`node-memory: ${missing}\n`);
    return 69;
  }
  await buildPrograms([go]);
  await using box = await BoxCluster.open(1);
  const node = box.nodes[0]!;
  const all = await openShop(box, services);
  const client = await box.pod("shop", "client");
  await captured(node, client);
  await until(
    "all Services are captured",
    () => node.holds((plan) => plan.services.length >= services),
    () => node.trouble(),
  );
  const idle = await extreme(node, seconds * 1_000, false);
  show(`idle, ${services} Services`, idle);

  const target = all.map((each) => each.target).join(",");
  const authority = all.map((each) => each.authority).join(",");
  // Nobody has asked for any of the Services: that all connections come at once to a proxy that knows none is part of it.
  const [startMs, startedMs] = [performance.now(), Date.now()];
  const load = BoxLoad.hold(client, "load", { target, authority }, connections, (connections / rate) * 1_000);
  const loaded = await extreme(node, seconds * 1_000, true);
  const { unary, failed } = await load.finish();
  const reached = (unary / (performance.now() - startMs)) * 1_000;
  show(`most under ${Math.round(reached)} requests/s on ${connections} connections`, loaded);
  const groups = Object.groupBy(failed, ({ status, message }) => `${status} ${message}`);
  for (const [what, calls = []] of Object.entries(groups)) {
    const [first, last] = [Math.min(...calls.map(({ at }) => at)), Math.max(...calls.map(({ at }) => at))];
    const when = `${((first - startedMs) / 1_000).toFixed(1)} to ${((last - startedMs) / 1_000).toFixed(1)} s`;
    process.stdout.write(`${calls.length} calls failed after ${when}: ${what}\n`);
  }
  if (failed.length > 0) process.stdout.write(`${JSON.stringify(node.trouble(), undefined, 1)}\n`);
  const afterwards = await extreme(node, seconds * 1_000, false);
  show("idle again", afterwards);

  const isReached = reached >= rate * RATE_REACHED && failed.length === 0;
  if (!isReached) process.stdout.write(`not judged: ${rate} requests/s without errors were wanted\n`);
  const isMissed =
    Math.max(idle.podMib, afterwards.podMib) > LIMITS.idle || (isReached && loaded.podMib > LIMITS.loaded);
  if (isMissed) process.stdout.write(`missed: ${LIMITS.idle} MiB idle, ${LIMITS.loaded} MiB loaded\n`);
  return values.check && (isMissed || !isReached) ? 1 : 0;
}

/** Starts everything, with all Services at the same few backends. */
async function openShop(box: BoxCluster, count: number): Promise<readonly BoxService[]> {
  await box.namespace("shop", { mode: "transparent" });
  const backends: BoxPod[] = [];
  const services: BoxService[] = [];
  for (let i = 0; i < count; i++) services.push(await box.service("shop", `echo-${i}`));
  for (let i = 0; i < BACKENDS; i++) {
    const pod = await box.pod("shop", `backend-${i}`);
    await pod.serve(services[0]!.port);
    backends.push(pod);
  }
  for (const service of services) await service.add(...backends);
  await box.startControlPlane();
  const node = box.nodes[0]!;
  const proxy = node.startProxy();
  node.startCapture();
  await proxy.ready();
  await current(node, proxy.generation);
  return services;
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
