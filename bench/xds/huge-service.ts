// What an update of a huge service costs the data plane: node bench/xds/huge-service.ts [--endpoints 10000] [--updates 120] [--settings plain,right-pick,subset,ring_hash,maglev] [--check] [--json FILE]
//
// A control plane in a process of its own serves one service to a proxy that runs in this process as it ships, but for a data-plane thread that tells
// what each update costs it (measured-worker.ts): processor time of the thread (RUSAGE_THREAD), which other processes hardly change, and the time by
// the clock, in which no request is served, which they do; and how long turns of its loop take, in which tables of hashes are made. Meanwhile requests go through the proxy, a hundred a second.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { BroadcastChannel } from "node:worker_threads";
import { runProxy } from "../../src/daemon/proxy-main.ts";
import type { ClusterSettings } from "../../src/resource/cluster-settings.ts";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import { OUTLIER_DETECTION_DEFAULTS } from "../../src/resource/outlier-detection.ts";
import { freePorts } from "../../test/support/free-ports.ts";
import { beginAsLaunched } from "../lib/begin-as-launched.ts";
import { callOnce } from "./call-once.ts";
import type { MeasuredMessage, MeasuredUpdate } from "./measured-worker.ts";
import { MEASURED_CHANNEL } from "./measured-worker.ts";
import type { ServedService } from "./served-services.ts";
import { ServingControlPlane } from "./serving-control-plane.ts";

/** Milliseconds of the data-plane thread: what the project promises for 10,000 endpoints. */
const LIMIT_MS = 1;
const NAME = "huge.default.svc.cluster.local:50051";
const WARM_CALLS = 1_000;
const CALL_INTERVAL_MS = 10;

beginAsLaunched();
const { values } = parseArgs({
  options: {
    endpoints: { type: "string", default: "10000" },
    updates: { type: "string", default: "120" },
    settings: { type: "string", default: "plain,right-pick,subset" },
    check: { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const endpoints = Number(values.endpoints);
const updates = Number(values.updates);

/** What services run with. */
const SETTINGS: Readonly<Record<string, ClusterSettings | undefined>> = {
  plain: undefined,
  "right-pick": clusterSettings({
    loadBalancing: { metric: "peak_ewma", slowStart: { windowMs: 30_000, aggression: 1, minShare: 0.1 } },
    outlierDetection: OUTLIER_DETECTION_DEFAULTS,
  }),
  // Of a fleet of 100 nodes in three zones; see the configuration.
  ring_hash: clusterSettings({ loadBalancing: { policy: "ring_hash" } }),
  maglev: clusterSettings({ loadBalancing: { policy: "maglev" } }),
  subset: clusterSettings({ loadBalancing: { subset: { enabled: true, minEndpoints: 10, coverage: 2 } } }),
};

/** A kind of update: what the service is like after the n-th. */
interface Kind {
  readonly name: string;
  readonly after: (n: number) => Partial<ServedService>;
}

const tenth = Math.floor(endpoints / 10);
let replacedSoFar: Record<number, number> = {};

function replace(numbers: Iterable<number>): Partial<ServedService> {
  replacedSoFar = { ...replacedSoFar };
  for (const number of numbers) replacedSoFar[number] = ((replacedSoFar[number] ?? 0) + 1) % 100;
  return { replaced: replacedSoFar };
}

const KINDS: readonly Kind[] = [
  { name: "one endpoint replaced", after: (n) => replace([(n * 37) % endpoints]) },
  { name: "one added, then taken away", after: (n) => ({ endpoints: endpoints + ((n + 1) % 2) }) },
  {
    name: "one sick, then well again",
    after: (n) => ({ unhealthy: n % 2 === 0 ? [(n * 37) % endpoints] : [] }),
  },
  {
    name: "a tenth sick, then well again",
    after: (n) => ({ unhealthy: n % 2 === 0 ? Array.from({ length: tenth }, (_, i) => i * 10) : [] }),
  },
  {
    name: "a tenth replaced",
    after: (n) => replace(Array.from({ length: tenth }, (_, i) => i * 10 + (n % 10))),
  },
  { name: "all replaced", after: () => replace(Array.from({ length: endpoints }, (_, i) => i)) },
];

class Readings {
  readonly #channel = new BroadcastChannel(MEASURED_CHANNEL);

  async read(): Promise<Pick<Extract<MeasuredMessage, { kind: "readings" }>, "updates" | "turnsMs">> {
    const answer = Promise.withResolvers<Extract<MeasuredMessage, { kind: "readings" }>>();
    this.#channel.onmessage = (event: unknown) => {
      const { data } = event as { readonly data: MeasuredMessage };
      if (data.kind === "readings") answer.resolve(data);
    };
    this.#channel.postMessage({ kind: "read" } satisfies MeasuredMessage);
    return answer.promise;
  }

  close(): void {
    this.#channel.close();
  }
}

interface Row {
  readonly settings: string;
  readonly kind: string;
  readonly cpuMs: { readonly p50: number; readonly p99: number };
  readonly wallMs: { readonly p50: number; readonly p99: number };
  /** Of turns of the loop that took 0.05 ms or more. */
  readonly turnMs: { readonly p50: number; readonly p99: number };
}

function quantiles(list: readonly number[]): { readonly p50: number; readonly p99: number } {
  const sorted = list.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1]!;
  return { p50: at(0.5), p99: at(0.99) };
}

const folder = mkdtempSync(join(tmpdir(), "isobar-huge-service-"));
const backend = fork(fileURLToPath(new URL("./loopback-backend.ts", import.meta.url)));
const [{ port: backendPort }] = (await once(backend, "message")) as [{ port: number }];
const controlPlane = await ServingControlPlane.start();
const [port = 0, adminPort = 0] = await freePorts(2);
writeFileSync(
  join(folder, "proxy.yaml"),
  JSON.stringify({
    node: { id: "n1", zone: "zone-a", region: "region-1" },
    fleet: { nodeIndex: 7, nodeCount: 100, zoneIndex: 2, zoneCount: 33 },
    log: { level: "error" },
    admin: { address: `127.0.0.1:${adminPort}` },
    listeners: [{ name: "local", address: `127.0.0.1:${port}` }],
    controlPlane: { addresses: [controlPlane.address], insecure: true, resolveTimeout: "30s" },
  }),
);
const ended = runProxy({
  configFile: join(folder, "proxy.yaml"),
  env: {},
  workerEntry: new URL("./measured-worker.ts", import.meta.url),
});
const isReady = (): Promise<boolean> =>
  fetch(`http://127.0.0.1:${adminPort}/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
while (!(await isReady())) await sleep(50);

const rows: Row[] = [];
const readings = new Readings();
const session = connect(`http://127.0.0.1:${port}`);
console.log(`${endpoints} endpoints, ${updates} updates of each kind; ms of the data-plane thread`);
for (const settingsName of values.settings.split(",")) {
  const base: ServedService = {
    name: NAME,
    endpoints,
    firstAddress: 0,
    // One endpoint more must not give the replaced ones other addresses.
    addressSpan: endpoints + 1,
    port: backendPort,
    zones: 3,
    ...(SETTINGS[settingsName] === undefined ? {} : { settings: SETTINGS[settingsName] }),
  };
  let current: ServedService = { ...base, replaced: replacedSoFar };
  await controlPlane.serve([current]);
  for (let i = 0; i < WARM_CALLS; i += 10) {
    const statuses = await Promise.all(Array.from({ length: 10 }, () => callOnce(session, NAME)));
    if (statuses.some((status) => status !== "0")) throw new Error(`calls failed: ${statuses.join(" ")}`);
  }
  const calls = setInterval(() => void callOnce(session, NAME), CALL_INTERVAL_MS);
  await sleep(1_000);
  for (const { name, after } of KINDS) {
    await readings.read();
    const measured: MeasuredUpdate[] = [];
    const turns: number[] = [];
    for (let n = 0; n < updates; n++) {
      current = { ...current, ...after(n) };
      await controlPlane.serve([current]);
      while (measured.length <= n) {
        await sleep(10);
        const { updates: read, turnsMs } = await readings.read();
        measured.push(...read);
        turns.push(...turnsMs);
      }
    }
    await sleep(100);
    turns.push(...(await readings.read()).turnsMs);
    const cpuMs = quantiles(measured.map((each) => each.cpuMs));
    const wallMs = quantiles(measured.map((each) => each.wallMs));
    const turnMs = turns.length === 0 ? { p50: 0, p99: 0 } : quantiles(turns);
    rows.push({ settings: settingsName, kind: name, cpuMs, wallMs, turnMs });
    const format = (each: { p50: number; p99: number }): string =>
      `p50 ${each.p50.toFixed(3)} p99 ${each.p99.toFixed(3)}`;
    console.log(
      `${settingsName.padEnd(11)} ${name.padEnd(30)} processor ${format(cpuMs)}   clock ${format(wallMs)}   turns ${format(turnMs)}`,
    );
  }
  clearInterval(calls);
}
session.close();
readings.close();
process.kill(process.pid, "SIGINT");
await Promise.race([ended, sleep(5_000)]);
await controlPlane.stop();
backend.kill();
rmSync(folder, { recursive: true, force: true });

const worst = Math.max(...rows.map(({ cpuMs }) => cpuMs.p99));
const reached = worst < LIMIT_MS;
console.log(
  `most: ${worst.toFixed(3)} ms of processor time, limit ${LIMIT_MS} ms: ${reached ? "reached" : "missed"}`,
);
if (values.json !== undefined)
  writeFileSync(values.json, JSON.stringify({ endpoints, updates, limitMs: LIMIT_MS, rows }, null, 2));
process.exit(values.check && !reached ? 1 : 0);
