// The control plane in a large cluster: a real API server, one control plane, many streams over TLS, one real proxy, and EndpointSlices that change.
// node bench/xds/scale.ts --help; docs/control-plane.md has the figures and the method.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SeededRandom } from "../../src/base/random.ts";
import { ApiServer } from "../../test/kube/harness/api-server.ts";
import { freePorts } from "../../test/support/free-ports.ts";
import { LineProcess } from "../beside/line-process.ts";
import { describeMachine } from "../lib/machine.ts";
import { places } from "../lib/places.ts";
import { createProgress } from "../lib/progress.ts";
import { buildPeers } from "./build-peers.ts";
import { ControlPlaneProcess } from "./control-plane-process.ts";
import { fillEtcd } from "./fill-etcd.ts";
import { LargeCluster } from "./large-cluster.ts";
import { MachineLoad } from "./machine-load.ts";
import { makeServerCertificate } from "./make-server-certificate.ts";
import { measureLegs } from "./measure-legs.ts";
import type { Changes } from "./plan-changes.ts";
import { planChanges } from "./plan-changes.ts";
import { ProbingProxy } from "./probing-proxy.ts";
import type { ScaleOptions } from "./scale-options.ts";
import { parseScaleOptions } from "./scale-options.ts";
import type { ScaleFigures } from "./scale-report.ts";
import { formatScale, judgeScale, spreadOf } from "./scale-report.ts";
import { Witness } from "./witness.ts";
import { zipfSample } from "./zipf-sample.ts";

/** What the receivers say of themselves. */
interface FleetState {
  readonly open: number;
  readonly complete: number;
  readonly firstCompleteMs: number;
  readonly lastCompleteMs: number;
  readonly responses: number;
  readonly octets: number;
  readonly failures: number;
  readonly lastFailure: string;
}

interface FleetReport extends FleetState {
  readonly latencies: number;
  readonly p50?: number;
  readonly p90?: number;
  readonly p99?: number;
  readonly max?: number;
  /** By service, the oldest stamp that a stream has as its newest. */
  readonly oldest: Readonly<Record<string, number>>;
}

const COMPLETE_MS = 120_000;
const SETTLE_MS = 20_000;
const options = parseScaleOptions(process.argv.slice(2));
const progress = createProgress();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));
const figures = await measure(options);
progress.clear();
process.stdout.write(`${formatScale(options, figures)}\n`);
const judgements = judgeScale(figures, options);
if (options.json !== undefined) {
  const report = { machine: describeMachine([]), options, figures, judgements };
  writeFileSync(options.json, `${JSON.stringify(report, undefined, 1)}\n`);
}
process.exit(options.check && judgements.some(({ isMissed }) => isMissed) ? 1 : 0);

async function measure(of: ScaleOptions): Promise<ScaleFigures> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "isobar-scale-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  progress.show("building");
  const peers = buildPeers();
  if (of.build) execFileSync("npm", ["run", "-s", "build"], { cwd: places.root, stdio: "inherit" });
  const launcher = of.build ? places.launcher : `${places.root}src/cli/launch.mjs`;
  const tls = of.tls ? makeServerCertificate(folder) : undefined;
  const api = await ApiServer.start();
  stack.defer(() => api.close());

  const backend = stack.use(new LineProcess(peers, ["backend"]));
  const { port: backendPort } = (await backend.hear()) as { port: number };
  const cluster = new LargeCluster({
    services: of.services,
    endpointsPerService: of.endpoints,
    port: backendPort,
  });
  for (const namespace of cluster.namespaces()) await api.writer.apply(namespace);
  await fillEtcd(api.etcdPort, cluster.objects(), (written) => progress.show(`${written} objects written`));

  const random = new SeededRandom(1);
  const subscriptions = Array.from({ length: of.streams }, () =>
    zipfSample(of.services, of.perStream, random),
  );
  const proxyServices = zipfSample(of.services, of.perStream, random);
  const [port = 0, adminPort = 0, proxyAdmin = 0, proxyListener = 0] = await freePorts(4);
  const plan = join(folder, "plan.json");
  writeFileSync(
    plan,
    JSON.stringify({
      address: `127.0.0.1:${port}`,
      caFile: tls?.caFile ?? "",
      serverName: tls?.serverName ?? "",
      nodeIds: subscriptions.map((_, n) => `node-${n}`),
      names: subscriptions.map((services) => services.map((service) => cluster.nameOf(service))),
    }),
  );
  const fleet = stack.use(
    new LineProcess("nice", ["-n", String(of.streamsNiceness), peers, "streams", plan]),
  );
  const ask = async <Answer>(command: string): Promise<Answer> => {
    fleet.tell({ ask: command });
    return (await fleet.hear()) as Answer;
  };

  const [served, seen] = of.legs
    ? [new Witness(join(folder, "served")), new Witness(join(folder, "seen"))]
    : [undefined, undefined];
  const controlPlane = stack.use(
    new ControlPlaneProcess({
      launcher,
      kubeConfig: api.kubeConfig,
      port,
      adminPort,
      tls,
      profile: of.profile,
      witness: served,
    }),
  );
  if (of.log) stack.defer(() => void process.stderr.write(controlPlane.log));
  const complete = await waitForAll(of, controlPlane, () => ask<FleetState>("state"));
  const proxy = stack.use(
    await ProbingProxy.start({
      launcher,
      controlPlanePort: port,
      tls,
      ports: { admin: proxyAdmin, listener: proxyListener },
      witness: seen,
    }),
  );
  for (const service of proxyServices) await proxy.call(cluster.nameOf(service));
  const changesFile = join(folder, "changes.json");
  await planChanges(changesFile, {
    cluster,
    kubeConfig: api.kubeConfig,
    proxyAddress: `127.0.0.1:${proxyListener}`,
    rate: of.rate,
    probeRate: of.probeRate,
    seconds: of.seconds,
    proxyServices,
    random,
  });
  const writer = stack.use(new LineProcess(peers, ["changes", changesFile]));
  await writer.hear();
  const quietMegabytes = controlPlane.usage.rssMegabytes;

  const before = await ask<FleetState>("begin");
  const load = new MachineLoad({
    "control plane": controlPlane.pid,
    "API server": api.serverPid,
    etcd: api.etcdPid,
    streams: fleet.pid,
    proxy: proxy.pid,
    endpoints: backend.pid,
    writer: writer.pid,
    "this program": process.pid,
  });
  const usageBefore = controlPlane.usage;
  const startedMs = performance.now();
  const changing = writer.hear() as Promise<Changes>;
  writer.tell({ ask: "run" });
  progress.show("writing changes");
  const changes = await changing;
  if (changes.fault !== "") throw new Error(changes.fault);
  const report = await settle(changes, () => ask<FleetReport>("report"));
  const elapsedSeconds = (performance.now() - startedMs) / 1_000;
  const usage = controlPlane.usage;
  const shares = load.shares();
  const { services = 0, endpoints = 0 } = await controlPlane.stats();
  const cpuSeconds = usage.cpuSeconds - usageBefore.cpuSeconds;
  const pushes = report.responses - before.responses;
  return {
    services,
    endpoints,
    streams: report.open,
    startToFirstMs: complete.firstCompleteMs - controlPlane.startedMs,
    startToAllMs: complete.lastCompleteMs - controlPlane.startedMs,
    startCpuSeconds: complete.cpuSeconds,
    quietMegabytes,
    churnMegabytes: usage.rssMegabytes,
    peakMegabytes: controlPlane.peakMegabytes,
    written: changes.writeMs.length,
    pushes,
    octetsPerPush: (report.octets - before.octets) / Math.max(1, pushes),
    cpuShare: cpuSeconds / elapsedSeconds,
    cpuUsPerPush: (cpuSeconds * 1e6) / Math.max(1, pushes),
    writeMs: spreadOf(changes.writeMs),
    receivedMs: {
      count: report.latencies,
      p50: report.p50 ?? Number.NaN,
      p90: report.p90 ?? Number.NaN,
      p99: report.p99 ?? Number.NaN,
      max: report.max ?? Number.NaN,
    },
    usedMs: spreadOf(changes.usedMs),
    legs: await measureLegs(changes.probes, served, seen),
    stale: staleNames(changes, report).length,
    shares,
    failures: report.failures,
    lastFailure: report.lastFailure,
  };
}

/** @returns when streams had everything, and what processor time that took. */
async function waitForAll(
  of: ScaleOptions,
  controlPlane: ControlPlaneProcess,
  state: () => Promise<FleetState>,
) {
  const untilMs = performance.now() + COMPLETE_MS;
  for (;;) {
    const now = await state();
    const { cpuSeconds } = controlPlane.usage;
    if (now.complete === of.streams) return { ...now, cpuSeconds };
    if (performance.now() > untilMs) {
      throw new Error(
        `${now.complete} of ${of.streams} streams have everything: ${now.lastFailure}; ${controlPlane.log}`,
      );
    }
    progress.show(`${now.complete} of ${of.streams} streams have everything`);
    await sleep(100);
  }
}

/** Waits until every stream has the newest of everything, or too long. */
async function settle(changes: Changes, report: () => Promise<FleetReport>): Promise<FleetReport> {
  const untilMs = performance.now() + SETTLE_MS;
  for (;;) {
    const now = await report();
    if (staleNames(changes, now).length === 0 || performance.now() > untilMs) return now;
    await sleep(200);
  }
}

/** Services of which a stream has an older version than the last one written. */
function staleNames({ stamps }: Changes, { oldest }: FleetReport): string[] {
  return Object.keys(oldest).filter((name) => oldest[name] !== (stamps[name] ?? 0));
}
