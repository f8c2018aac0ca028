// What services take of a proxy's memory: node bench/xds/many-services.ts [--services 1000] [--endpoints 20] [--check] [--json FILE]
//
// A control plane serves the services to `isobar proxy` as it ships. Resident memory (VmRSS) of the proxy is read when it has been still for some
// seconds: without any service; when each service has been called once, so that it is followed over xDS, with one connection to one of its
// endpoints; after every endpoint of every service has been replaced once or more; and after a restart that takes all of them from disk,
// where nothing is called. The same again where nobody listens at the endpoints, so that every call fails on all of its attempts.
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { freePorts } from "../../test/support/free-ports.ts";
import { processUsage } from "../lib/process-usage.ts";
import { callOnce } from "./call-once.ts";
import type { ServedService } from "./served-services.ts";
import { ServingControlPlane } from "./serving-control-plane.ts";

/** Megabytes above a proxy without services: what the project promises for 1,000 services of 20 endpoints. */
const LIMIT_MB = 60;
const CALLS_AT_ONCE = 32;
/** Memory is read when it has changed less than this for so long. */
const STILL_MB = 0.3;
const STILL_MS = 8_000;
const PATIENCE_MS = 60_000;

const { values } = parseArgs({
  options: {
    services: { type: "string", default: "1000" },
    endpoints: { type: "string", default: "20" },
    replacements: { type: "string", default: "3" },
    built: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const services = Number(values.services);
const endpoints = Number(values.endpoints);
const replacements = Number(values.replacements);
const launcher = fileURLToPath(
  new URL(values.built ? "../../dist/cli/launch.mjs" : "../../src/cli/launch.mjs", import.meta.url),
);
const folder = mkdtempSync(join(tmpdir(), "isobar-many-services-"));

const nameOf = (n: number): string => `service-${n}.namespace-${n % 40}.svc.cluster.local:50051`;

/** @param round how often every endpoint was replaced. */
function served(port: number, round: number): ServedService[] {
  const replaced = Object.fromEntries(Array.from({ length: endpoints }, (_, i) => [i, round]));
  return Array.from({ length: services }, (_, n) => ({
    name: nameOf(n),
    endpoints,
    firstAddress: n * endpoints * (replacements + 1),
    port,
    replaced,
    zones: 3,
  }));
}

/** What ends the proxies that run. */
const running = new Set<() => Promise<void>>();

interface Started {
  readonly pid: number;
  readonly port: number;
  readonly adminPort: number;
  stop(): Promise<void>;
}

async function startProxy(controlPlane: string, snapshot: string): Promise<Started> {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const file = join(folder, "proxy.yaml");
  const config = {
    node: { id: "n1", zone: "zone-a", region: "region-1" },
    log: { level: "error" },
    admin: { address: `127.0.0.1:${adminPort}` },
    listeners: [{ name: "local", address: `127.0.0.1:${port}` }],
    controlPlane: {
      addresses: [controlPlane],
      insecure: true,
      snapshotFile: join(folder, snapshot),
      resolveTimeout: "30s",
    },
  };
  writeFileSync(file, JSON.stringify(config));
  const child = spawn(process.execPath, [launcher, "proxy", "--config", file], { stdio: "inherit" });
  const ready = async (): Promise<boolean> =>
    fetch(`http://127.0.0.1:${adminPort}/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await ready())) {
    if (child.exitCode !== null) throw new Error(`the proxy ended with code ${child.exitCode}`);
    await sleep(50);
  }
  const stop = async (): Promise<void> => {
    running.delete(stop);
    const gone = once(child, "exit");
    child.kill();
    await gone;
  };
  running.add(stop);
  return { pid: child.pid!, port, adminPort, stop };
}

/** Calls each service once. @returns the calls that did not end with OK. */
async function callEach(port: number): Promise<number> {
  const session = connect(`http://127.0.0.1:${port}`);
  let next = 0;
  let failed = 0;
  const lane = async (): Promise<void> => {
    while (next < services) {
      const status = await callOnce(session, nameOf(next++));
      if (status !== "0") failed++;
    }
  };
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, lane));
  session.close();
  return failed;
}

/** Waits until the process's memory keeps still. @returns it in MB. */
async function stillMegabytes(pid: number): Promise<number> {
  const begunMs = performance.now();
  let reference = processUsage(pid).rssMegabytes;
  let sinceMs = begunMs;
  for (;;) {
    await sleep(200);
    const nowMs = performance.now();
    const { rssMegabytes } = processUsage(pid);
    if (Math.abs(rssMegabytes - reference) > STILL_MB) {
      reference = rssMegabytes;
      sinceMs = nowMs;
    }
    if (nowMs - sinceMs >= STILL_MS || nowMs - begunMs > PATIENCE_MS) return rssMegabytes;
  }
}

interface Stats {
  readonly known: number;
  readonly connections: number;
}

async function statsOf(adminPort: number): Promise<Stats> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/stats`)).text();
  const lines = [...text.matchAll(/^cluster\..*\.(endpoints|upstream_connections): (\d+)$/gm)];
  const sum = (what: string): number =>
    lines.filter(([, each]) => each === what).reduce((total, [, , value]) => total + Number(value), 0);
  return { known: sum("endpoints"), connections: sum("upstream_connections") };
}

const rows: { readonly what: string; readonly above: number; readonly rss: number; readonly note: string }[] =
  [];
let empty = 0;

async function note(what: string, proxy: Started): Promise<void> {
  const rss = await stillMegabytes(proxy.pid);
  if (rows.length === 0) empty = rss;
  const { known, connections } = await statsOf(proxy.adminPort);
  const text = `${known} endpoints known, ${connections} connections to endpoints`;
  rows.push({ what, above: rss - empty, rss, note: text });
  console.log(`${(rss - empty).toFixed(1).padStart(6)} MB  ${what} (${rss.toFixed(1)} MB; ${text})`);
}

/** Waits until the proxy has hardly anything to do: asking it would cost it memory. */
async function quiet(pid: number): Promise<void> {
  for (let i = 0; i < 120; i++) {
    const before = processUsage(pid).cpuSeconds;
    await sleep(500);
    if (processUsage(pid).cpuSeconds - before < 0.05) return;
  }
}

const backend = fork(fileURLToPath(new URL("./loopback-backend.ts", import.meta.url)));
const [{ port: backendPort }] = (await once(backend, "message")) as [{ port: number }];
const controlPlane = await ServingControlPlane.start();
try {
  console.log(`${services} services of ${endpoints} endpoints; MB above a proxy without services`);
  await controlPlane.serve(served(backendPort, 0));
  // The first start fills caches of code on disk.
  await (await startProxy(controlPlane.address, "first")).stop();
  let proxy = await startProxy(controlPlane.address, "snapshot");
  await note("no service", proxy);
  const failed = await callEach(proxy.port);
  if (failed > 0) throw new Error(`${failed} of ${services} calls failed`);
  await note("each service called once", proxy);
  if (!values.quick) {
    for (let round = 1; round <= replacements; round++) {
      await controlPlane.serve(served(backendPort, round));
      await quiet(proxy.pid);
      await callEach(proxy.port);
    }
    await note(`every endpoint replaced ${replacements} times, each service called in between`, proxy);
  }
  await sleep(2_500);
  await proxy.stop();
  proxy = await startProxy(controlPlane.address, "snapshot");
  await quiet(proxy.pid);
  await note("restarted: all from disk, none called", proxy);
  await proxy.stop();
  if (!values.quick) {
    const [closed = 0] = await freePorts(1);
    await controlPlane.serve(served(closed, 0));
    proxy = await startProxy(controlPlane.address, "unreachable");
    await callEach(proxy.port);
    await note("each called once, nobody listens at any endpoint", proxy);
    await proxy.stop();
  }
} finally {
  for (const stop of running) await stop();
  await controlPlane.stop();
  backend.kill();
  rmSync(folder, { recursive: true, force: true });
}

const worst = Math.max(...rows.map(({ above }) => above));
const reached = worst <= LIMIT_MB;
console.log(`most: ${worst.toFixed(1)} MB, limit ${LIMIT_MB} MB: ${reached ? "reached" : "missed"}`);
if (values.json !== undefined) {
  const machine = readFileSync("/proc/cpuinfo", "utf8").match(/model name\s*:\s*(.*)/)?.[1] ?? "";
  writeFileSync(
    values.json,
    JSON.stringify({ machine, services, endpoints, limitMb: LIMIT_MB, rows }, null, 2),
  );
}
if (values.check && !reached) process.exitCode = 1;
