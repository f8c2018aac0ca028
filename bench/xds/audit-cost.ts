// What an audit costs: services of 20 endpoints, clients that each have 50 of them (the square of an even draw), then changes of one endpoint.
//
//   node --expose-gc bench/xds/audit-cost.ts [services] [clients] [changes]        default 5000, 1000, 2000
//
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AuditTrail } from "../../src/audit/audit-trail.ts";
import type { ServicePart } from "../../src/audit/service-state.ts";
import { SeededRandom } from "../../src/base/random.ts";
import type { ServiceModel } from "../../src/resource/service.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { endpoint } from "../../test/resource/cluster-builder.ts";
import { service } from "../../test/xds/service-builder.ts";

const [services = 5_000, clients = 1_000, changes = 2_000] = process.argv.slice(2).map(Number);
const EACH = 50;
const PARTS: readonly ServicePart[] = ["listener", "routes", "cluster", "endpoints"];

const random = new SeededRandom(1);
const folder = await mkdtemp(join(tmpdir(), "isobar-audit-cost-"));
const trail = await AuditTrail.open({
  folder,
  fileOctets: 1_024 * 1_048_576,
  maxFiles: 4,
  replica: "bench",
  isobar: "bench",
  log: createLog({ level: "warn" }),
});
const models = Array.from({ length: services }, (_, i) =>
  named(`service-${i}.namespace-${i % 50}:50051`, 20),
);
const subscribers = new Map<ServiceModel["name"], number[]>();

for (const model of models) for (const { key } of model.cluster.endpoints) encodeURIComponent(key);
report("the services alone", () => {});
await measured(`${services} services of 20 endpoints noted`, async () => {
  for (const model of models) trail.note({ kind: "service", model, atMs: Date.now() });
  trail.synced();
  await settled();
});
await measured(`${clients} clients told of ${EACH} services each`, async () => {
  for (let id = 0; id < clients; id++) {
    const stream = {
      id,
      node: `node-${id}`,
      client: "isobar",
      transport: "delta",
      peer: "10.0.0.1:1",
      agent: "",
      region: "r",
      zone: "z",
    };
    trail.note({ kind: "opened", stream, atMs: Date.now() });
    for (let n = 0; n < EACH; n++) {
      const { name } = models[Math.floor(random.nextFloat() ** 2 * services)]!;
      subscribers.set(name, [...(subscribers.get(name) ?? []), id]);
      for (const part of PARTS) tell(id, part, name, "0123456789abcdef");
    }
    if (id % 10 === 0) await sleep(10);
  }
  await settled();
});
const before = await octetsWritten();
let told = 0;
await measured(`${changes} changes of one endpoint each`, async () => {
  for (let i = 0; i < changes; i++) {
    const at = random.nextInt(services);
    const model = models[at]!;
    const endpoints = model.cluster.endpoints.with(i % 20, endpoint(100 + i, {}, model.name));
    const next = { ...model, cluster: { ...model.cluster, endpoints } };
    models[at] = next;
    trail.note({ kind: "service", model: next, atMs: Date.now() });
    for (const id of subscribers.get(model.name) ?? []) {
      tell(id, "endpoints", model.name, i.toString(16).padStart(16, "0"));
      told++;
    }
    if (i % 20 === 0) await sleep(10);
  }
  await settled();
});
const octets = (await octetsWritten()) - before;
console.log(
  `  ${told} deliveries; ${Math.round(octets / changes)} octets for a change with its ${(told / changes).toFixed(1)} deliveries`,
);
await trail.close();
await rm(folder, { recursive: true });

function named(name: string, count: number): ServiceModel {
  const endpoints = Array.from({ length: count }, (_, n) => {
    const uid = `${random.nextInt(1e9)}-1234-1234-1234-123456789012`;
    return {
      ...endpoint(n, { node: `node-${random.nextInt(1_000)}`, region: "region-a" }, name),
      key: `${name}|${uid}|8080|h2c`,
    };
  });
  return service(name, endpoints, { authorities: [name, `${name}.svc`, `${name}.svc.cluster.local`] });
}

function tell(stream: number, part: ServicePart, name: string, version: string): void {
  const response = { resources: new Map([[name, version]]) };
  trail.note({ kind: "pushed", stream, part, response, atMs: Date.now() });
  trail.note({ kind: "answered", stream, response, message: undefined, atMs: Date.now() });
}

async function settled(): Promise<void> {
  while (!trail.isSettled) await sleep(20);
}

async function octetsWritten(): Promise<number> {
  let octets = 0;
  for (const name of await readdir(folder)) octets += (await stat(join(folder, name))).size;
  return octets;
}

async function measured(what: string, action: () => Promise<void>): Promise<void> {
  const from = process.cpuUsage();
  const octetsBefore = await octetsWritten();
  await action();
  const { user, system } = process.cpuUsage(from);
  const octets = (await octetsWritten()) - octetsBefore;
  report(what, () =>
    console.log(
      `  ${Math.round((user + system) / 1_000)} ms of processor time, ${(octets / 1_048_576).toFixed(1)} MiB written`,
    ),
  );
}

function report(what: string, more: () => void): void {
  globalThis.gc?.();
  console.log(`${what}: ${Math.round(process.memoryUsage().heapUsed / 1_048_576)} MiB of heap`);
  more();
}
