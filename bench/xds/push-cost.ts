// What a push costs the control plane: processor time per stream and push, and the time until all clients have answered.
//
//   node bench/xds/push-cost.ts [streams] [endpoints] [pushes] [deaf] [--tls]        default 500, 20, 40, 0
//
// `deaf` more clients connect, ask, and never read: what they cost the others is the difference between two runs.
//
// Clients are processes of their own, 250 streams each on as many connections, that decode nothing and answer each response. Processor time is
// that of this process alone (getrusage), so that a busy machine changes it little; the time until all have answered it changes much. Pushes are
// counted when as many as WARM_UP have gone before: until then the engine compiles.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CLUSTER_DEFAULTS } from "../../src/resource/cluster.ts";
import { ENDPOINT_DEFAULTS, endpointKey } from "../../src/resource/endpoint.ts";
import type { ServiceModel } from "../../src/resource/service.ts";
import { ResourceCache } from "../../src/xds/cache/resource-cache.ts";
import { AdsServer } from "../../src/xds/server/ads-server.ts";
import { makeServerCertificate } from "./make-server-certificate.ts";

const NAME = "a.default:80";
const numbers = process.argv.slice(2).filter((each) => !each.startsWith("--"));
const [streams = 500, endpoints = 20, pushes = 40, deaf = 0] = numbers.map(Number);
const STREAMS_PER_PROCESS = 250;
const WARM_UP = 10_000;

let answered = 0;
let octets = 0;
let wanted = Promise.withResolvers<void>();
const cache = new ResourceCache();
const server = new AdsServer({
  source: cache,
  events: {
    pushed: (_stream, _type, _resources, size) => {
      octets = size;
    },
    answered: () => {
      if (++answered === streams) wanted.resolve();
    },
    unknownType: () => {},
  },
  onFault: (peer, error) => console.error(peer, error),
  coalesceMs: 0,
});

function service(version: number): ServiceModel {
  const list = Array.from({ length: endpoints }, (_, n) => {
    const address = `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
    // One endpoint of the service is another one in each version, as in a roll-out.
    const key = endpointKey(NAME, n === 0 ? `uid-${version}` : `uid-of-${n}`, 80);
    return {
      ...ENDPOINT_DEFAULTS,
      key,
      address,
      port: 80,
      zone: "zone-a",
      region: "region-1",
      node: `node-${n % 50}`,
    };
  });
  const cluster = { name: NAME, ...CLUSTER_DEFAULTS, endpoints: list };
  return { name: NAME, authorities: [NAME], routes: [], cluster };
}

cache.upsert(service(0));
cache.synced();
const folder = mkdtempSync(join(tmpdir(), "isobar-push-cost-"));
const tls = process.argv.includes("--tls") ? makeServerCertificate(folder) : undefined;
const port = await server.listen(
  "127.0.0.1:0",
  tls && {
    cert: readFileSync(tls.certFile, "utf8"),
    key: readFileSync(tls.keyFile, "utf8"),
    clientCa: "",
  },
);
const program = fileURLToPath(new URL("./answering-clients.ts", import.meta.url));
const clients = Array.from({ length: Math.ceil(streams / STREAMS_PER_PROCESS) }, (_, i) => {
  const count = Math.min(STREAMS_PER_PROCESS, streams - i * STREAMS_PER_PROCESS);
  return spawn(process.execPath, [program, String(port), String(count), NAME, tls?.caFile ?? "-"], {
    stdio: "inherit",
  });
});
if (deaf > 0) {
  clients.push(
    spawn(process.execPath, [program, String(port), String(deaf), NAME, tls?.caFile ?? "-", "deaf"], {
      stdio: "inherit",
    }),
  );
}
await wanted.promise;
while ([...server.streams].length < streams + deaf) await new Promise((resolve) => setTimeout(resolve, 50));

const times: number[] = [];
const warmUp = Math.ceil(WARM_UP / streams);
let begun = process.cpuUsage();
for (let push = 1; push <= warmUp + pushes; push++) {
  if (push === warmUp + 1) begun = process.cpuUsage();
  answered = 0;
  wanted = Promise.withResolvers();
  const start = performance.now();
  cache.upsert(service(push));
  await wanted.promise;
  if (push > warmUp) times.push(performance.now() - start);
}
const { user, system } = process.cpuUsage(begun);
times.sort((a, b) => a - b);
const quantile = (share: number) =>
  times[Math.min(times.length - 1, Math.floor(share * times.length))]!.toFixed(0);
console.log(
  `${streams} streams${deaf > 0 ? ` and ${deaf} that do not read` : ""}, ${endpoints} endpoints, ${octets} octets a response, ${pushes} pushes: ` +
    `${((user + system) / pushes / streams).toFixed(0)} µs of processor time per stream and push${tls ? " with TLS" : ""} (${(user / pushes / streams).toFixed(0)} outside of the kernel); ` +
    `all had answered after p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms; ` +
    `RSS ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB`,
);
for (const client of clients) {
  client.kill();
  await once(client, "exit");
}
server.close();
rmSync(folder, { recursive: true });
