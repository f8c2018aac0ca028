// How long an endpoint is called that is no endpoint any more, and how long a new one is not: through the proxy under our control plane, and by a
// grpc-go client that finds a headless Service by DNS.
//
//   node bench/xds/gone-endpoint.ts [--changes N] [--watch S] [--rate N] [--check] [--json FILE]        default 20, 40, 200
//
// The Pod that leaves goes on serving, as one does that is no longer ready or that ends slowly: what is measured is how long callers take to hear of it.
// For DNS the name server has the new answer at the very moment, and no cache is between; `--watch` is how long it is looked at.
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { ApiServer } from "../../test/kube/harness/api-server.ts";
import { freePorts } from "../../test/support/free-ports.ts";
import { LineProcess } from "../beside/line-process.ts";
import { describeMachine } from "../lib/machine.ts";
import { places } from "../lib/places.ts";
import { createProgress } from "../lib/progress.ts";
import { buildPeers } from "./build-peers.ts";
import { ControlPlaneProcess } from "./control-plane-process.ts";
import { DnsServer } from "./dns-server.ts";
import { fillEtcd } from "./fill-etcd.ts";
import { LargeCluster } from "./large-cluster.ts";
import { ProbingProxy } from "./probing-proxy.ts";
import { quantile } from "./scale-report.ts";

/** What came of one change: times after it, in ms. */
interface Outcome {
  /** Of the last call at the endpoint that went; negative if it was before. */
  readonly lastCallMs: number;
  /** Whether calls went on until the end of the time it was looked at. */
  readonly isStillCalled: boolean;
  /** Of the first call at the endpoint that came; undefined: none. */
  readonly firstCallMs: number | undefined;
  readonly failed: number;
}

interface Row {
  readonly name: string;
  readonly watchedMs: number;
  readonly outcomes: readonly Outcome[];
}

type Hosts = Readonly<Record<string, { readonly firstMs: number; readonly lastMs: number }>>;

const ENDPOINTS = 10;
/** After a change the proxy is looked at for so long. */
const PROXY_WATCH_MS = 1_500;
const WARM_MS = 2_000;
const STILL_MS = 1_000;
const LIMIT_MS = 150;

const { values } = parseArgs({
  options: {
    changes: { type: "string", default: "20" },
    watch: { type: "string", default: "40" },
    rate: { type: "string", default: "200" },
    check: { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const [changes, watchS, rate] = [Number(values.changes), Number(values.watch), Number(values.rate)];
const progress = createProgress();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));
const peers = buildPeers();
const rows = [
  await throughProxy(),
  await byDns("grpc-go, DNS", []),
  await byDns("grpc-go, DNS, connections of at most 30 s", ["--max-age", "30s"]),
];
progress.clear();
process.stdout.write(`${rows.map(format).join("\n")}\n`);
if (values.json !== undefined) {
  writeFileSync(
    values.json,
    `${JSON.stringify({ machine: describeMachine([]), rate, rows }, undefined, 1)}\n`,
  );
}
const [proxyRow] = rows;
const isMissed = proxyRow!.outcomes.some(
  ({ lastCallMs, isStillCalled, failed }) => isStillCalled || failed > 0 || !(lastCallMs <= LIMIT_MS),
);
process.exit(values.check && isMissed ? 1 : 0);

/** EndpointSlices are written through a real API server. */
async function throughProxy(): Promise<Row> {
  await using stack = new AsyncDisposableStack();
  progress.show("starting an API server, a control plane and a proxy");
  const launcher = `${places.root}src/cli/launch.mjs`;
  const api = await ApiServer.start();
  stack.defer(() => api.close());
  const backend = stack.use(new LineProcess(peers, ["backend"]));
  const { port: backendPort } = (await backend.hear()) as { port: number };
  const cluster = new LargeCluster({ services: 1, endpointsPerService: ENDPOINTS, port: backendPort });
  for (const namespace of cluster.namespaces()) await api.writer.apply(namespace);
  await fillEtcd(api.etcdPort, cluster.objects(), () => {});
  const [port = 0, adminPort = 0, proxyAdmin = 0, listener = 0] = await freePorts(4);
  stack.use(
    new ControlPlaneProcess({ launcher, kubeConfig: api.kubeConfig, port, adminPort, tls: undefined }),
  );
  const ports = { admin: proxyAdmin, listener };
  const proxy = stack.use(
    await ProbingProxy.start({ launcher, controlPlanePort: port, tls: undefined, ports }),
  );
  const authority = cluster.nameOf(0);
  await proxy.call(authority);
  const target = `passthrough:///127.0.0.1:${listener}`;
  const args = ["caller", "--target", target, "--authority", authority, "--rate", String(rate)];
  const caller = stack.use(new LineProcess(peers, args));
  await sleep(WARM_MS);
  const outcomes: Outcome[] = [];
  let { slice } = cluster.replaceEndpoints(0, 1);
  let failedBefore = 0;
  for (let n = 0; n <= changes; n++) {
    progress.show(`change ${n} of ${changes} through the proxy`);
    const gone = slice.endpoints[0]!.addresses[0];
    const next = cluster.replaceEndpoints(0, 1);
    const { namespace, name } = next.slice.metadata;
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices/${name}`;
    const changedMs = nowUs() / 1_000;
    await api.writer.send("PUT", path, next.slice);
    slice = next.slice;
    await sleep(PROXY_WATCH_MS);
    const hosts = await callsOf(backend);
    const { failed } = await ask<{ failed: number }>(caller, "state");
    // The first change only brings an endpoint that can be told from those there were.
    if (n > 0) outcomes.push(outcome(hosts, gone, next.added[0]!, changedMs, failed - failedBefore));
    failedBefore = failed;
  }
  return { name: "Isobar: slice written → proxy", watchedMs: PROXY_WATCH_MS, outcomes };
}

/** @param flags of the servers. */
async function byDns(name: string, flags: readonly string[]): Promise<Row> {
  await using stack = new AsyncDisposableStack();
  using dns = await DnsServer.start();
  const backend = stack.use(new LineProcess(peers, ["backend", ...flags]));
  const { port } = (await backend.hear()) as { port: number };
  const address = (n: number) => `127.0.9.${n + 1}`;
  dns.addresses = Array.from({ length: ENDPOINTS }, (_, n) => address(n));
  const target = `dns://127.0.0.1:${dns.port}/service.test:${port}`;
  const caller = stack.use(new LineProcess(peers, ["caller", "--target", target, "--rate", String(rate)]));
  await sleep(WARM_MS);
  const [gone, added] = [address(0), address(ENDPOINTS)];
  dns.addresses = [...dns.addresses.slice(1), added];
  const changedMs = nowUs() / 1_000;
  for (let s = 0; s < watchS; s++) {
    progress.show(`${name}: ${s} of ${watchS} s`);
    await sleep(1_000);
  }
  const hosts = await callsOf(backend);
  const { failed } = await ask<{ failed: number }>(caller, "state");
  return { name, watchedMs: watchS * 1_000, outcomes: [outcome(hosts, gone, added, changedMs, failed)] };
}

function outcome(hosts: Hosts, gone: string, added: string, changedMs: number, failed: number): Outcome {
  const lastCallMs = (hosts[gone]?.lastMs ?? Number.NaN) - changedMs;
  const newest = Math.max(...Object.values(hosts).map(({ lastMs }) => lastMs)) - changedMs;
  const came = hosts[added];
  return {
    lastCallMs,
    isStillCalled: newest - lastCallMs < STILL_MS,
    firstCallMs: came === undefined ? undefined : came.firstMs - changedMs,
    failed,
  };
}

async function callsOf(backend: LineProcess): Promise<Hosts> {
  return (await ask<{ hosts: Hosts }>(backend, "calls")).hosts;
}

async function ask<Answer>(process: LineProcess, command: string): Promise<Answer> {
  process.tell({ ask: command });
  return (await process.hear()) as Answer;
}

function nowUs(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1_000);
}

function format({ name, watchedMs, outcomes }: Row): string {
  const still = outcomes.filter(({ isStillCalled }) => isStillCalled).length;
  const last = times(outcomes.flatMap((each) => (each.isStillCalled ? [] : [each.lastCallMs])));
  const first = times(outcomes.flatMap(({ firstCallMs }) => firstCallMs ?? []));
  const never = outcomes.filter(({ firstCallMs }) => firstCallMs === undefined).length;
  const seconds = `${(watchedMs / 1_000).toFixed(1)} s`;
  const failed = outcomes.reduce((sum, each) => sum + each.failed, 0);
  return [
    `${name} (${outcomes.length} changes):`,
    `  last call at the endpoint that went: ${[last, still > 0 ? `${still} still called after ${seconds}` : ""].filter(Boolean).join("; ")}`,
    `  first call at the endpoint that came: ${[first, never > 0 ? `${never} not within ${seconds}` : ""].filter(Boolean).join("; ")}`,
    `  calls that failed: ${failed}`,
  ].join("\n");
}

function times(values: readonly number[]): string {
  if (values.length === 0) return "";
  const sorted = [...values].sort((a, b) => a - b);
  const [p50, most] = [quantile(sorted, 0.5), quantile(sorted, 1)].map((value) => value.toFixed(0));
  return values.length === 1 ? `${most} ms` : `p50 ${p50} ms, most ${most} ms`;
}
