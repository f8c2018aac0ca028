import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Context } from "../lib/context.ts";
import { makeCertificates } from "../lib/make-certificates.ts";
import { startPinned } from "../lib/pinned-process.ts";
import { places } from "../lib/places.ts";
import type { RunningProxy } from "../lib/proxy-kinds.ts";
import type { RowResult } from "../lib/results.ts";
import { startIsobar } from "../lib/start-isobar.ts";
import { waitForPort } from "../lib/wait-for-port.ts";
import { comparedRow } from "./compared-row.ts";
import type { ComparedWork } from "./compared-work.ts";

const mebibyte = 1 << 20;
const works: ComparedWork[] = [
  {
    row: "mtls10x10",
    title: "100 B unary, 10 × 10, mutual TLS 1.3 (AES-128-GCM) to the endpoints",
    plainOnly: true,
    load: () => ({ connections: 10, streams: 10 }),
    limits: { envoy: 0.5 },
  },
  {
    row: "mtls1m",
    title: "1 MiB responses, 4 × 2, mutual TLS 1.3 (AES-128-GCM) to the endpoints",
    perGigabyteOf: mebibyte,
    plainOnly: true,
    load: () => ({ connections: 4, streams: 2, messageOctets: mebibyte }),
    limits: {},
  },
];

/** Mutual TLS towards the endpoints: Isobar and Envoy with the same certificates and the same cipher. */
export async function mtlsRow(context: Context): Promise<RowResult[]> {
  const folder = makeCertificates();
  const { options, programs } = context;
  const ports = places.ports.tlsBackends;
  await using backends = startPinned(options.loaderCore, programs.backend, [
    "--ports",
    ports.join(","),
    "--tls",
    folder,
  ]);
  await waitForPort(backends, ports[0]);
  backends.child.stdout?.resume();
  const proxies: RunningProxy[] = [];
  const skipped = new Map(context.skipped);
  await using started = new AsyncDisposableStack();
  if (options.isobar) {
    const tls = `{ mode: MUTUAL, caFile: ${folder}/ca.crt, certFile: ${folder}/client.crt, keyFile: ${folder}/client.key }`;
    const isobar = await startIsobar(context, "isobar-mtls", places.ports.isobarMtls, ports, {
      cluster: [`tls: ${tls}`],
    });
    started.use(isobar.process);
    proxies.push({ ...isobar, name: "isobar" });
  }
  if (options.peers.includes("envoy") && existsSync(places.envoy)) {
    const envoy = await startEnvoy(context, folder);
    started.use(envoy.process);
    proxies.push(envoy);
  }
  const sub: Context = { ...context, proxies, skipped };
  const rows: RowResult[] = [];
  for (const work of works) rows.push(await comparedRow(sub, work));
  return rows;
}

async function startEnvoy(context: Context, folder: string): Promise<RunningProxy> {
  const config = `${places.built}/envoy-mtls.yaml`;
  writeFileSync(config, readFileSync(`${places.peers}/envoy-mtls.yaml`, "utf8").replaceAll("@TLS@", folder));
  const args = ["-c", config, "--concurrency", "1", "--disable-hot-restart", "-l", "error"];
  const envoy = startPinned(context.options.proxyCore, places.envoy, args);
  await waitForPort(envoy, places.ports.envoyMtls);
  envoy.child.stdout?.resume();
  return { name: "envoy", port: places.ports.envoyMtls, process: envoy, version: "" };
}
