import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { NetworkNamespace } from "../../test/drain/harness/network-namespace.ts";
import { isListening } from "../lib/wait-for-port.ts";
import type { NamedEndpoints } from "./envoy-config.ts";
import { authorityOf, endpointsFile, envoyConfig, envoyEndpoints } from "./envoy-config.ts";
import { isobarConfig } from "./isobar-config.ts";
import { DEADLINE_MS } from "./limits.ts";
import { LineProcess } from "./line-process.ts";
import type { Row } from "./rows.ts";
import { ENDPOINTS, WORK } from "./rows.ts";

/** What a contender's clients saw, request by request. */
export interface Outcome {
  readonly name: string;
  /** When a request was due, from the fault on. */
  readonly atMs: readonly number[];
  readonly ms: readonly number[];
  /** gRPC's. */
  readonly codes: readonly number[];
  /** Of the endpoint that answered; 0 for none. */
  readonly ports: readonly number[];
}

/** One repetition of a row. */
export interface Played {
  readonly outcomes: readonly Outcome[];
  /** Port of each contender's sick or new endpoint, by its name. */
  readonly sickPorts: ReadonlyMap<string, number>;
  /** Share of the machine's cores that was busy, everything included. */
  readonly busy: number;
}

/** The programs it takes. */
export interface BesidePrograms {
  readonly beside: string;
  readonly envoy: string;
  /** Isobar's launcher. */
  readonly launcher: string;
}

/** Plays one repetition of a row with processes of its own. @param seconds instead of the row's. */
export async function playRow(
  programs: BesidePrograms,
  row: Row,
  seed: number,
  seconds = row.seconds,
): Promise<Played> {
  const { fault } = row;
  const envoy = row.heats.flatMap((heat) => heat.envoy);
  const isobar = row.heats.flatMap((heat) => heat.isobar);
  const names = [...isobar, ...envoy].map(({ name }) => name);
  const folder = mkdtempSync(`${tmpdir()}/isobar-beside-`);
  const network = fault.kind === "cut" ? NetworkNamespace.make() : undefined;
  await using stack = new AsyncDisposableStack();
  stack.defer(() => {
    network?.remove();
    rmSync(folder, { recursive: true });
  });
  const own = fault.kind === "cut" ? ENDPOINTS - 1 : ENDPOINTS;
  const backends = stack.use(
    new LineProcess(programs.beside, ["backends", "127.0.0.1", String(names.length * own)]),
  );
  const ports = (await backends.hear()) as number[];
  const endpoints: NamedEndpoints[] = names.map((name, i) => ({
    name,
    addresses: ports.slice(i * own, (i + 1) * own).map((port) => `127.0.0.1:${port}`),
  }));
  const sickPorts = new Map(names.map((name, i) => [name, ports[(i + 1) * own - 1]!]));
  if (network !== undefined) {
    const args = [
      ...network.prefix.slice(1),
      programs.beside,
      "backends",
      network.host,
      String(names.length),
    ];
    const remote = stack.use(new LineProcess(network.prefix[0]!, args));
    const remotePorts = (await remote.hear()) as number[];
    for (const [i, { name, addresses }] of endpoints.entries()) {
      (addresses as string[]).push(`${network.host}:${remotePorts[i]!}`);
      sickPorts.set(name, remotePorts[i]!);
    }
  }
  const without = ({ name, addresses }: NamedEndpoints): NamedEndpoints => ({
    name,
    addresses: addresses.slice(0, -1),
  });
  const listed = fault.kind === "join" ? endpoints.map(without) : endpoints;
  const [envoyPort, isobarPort, adminPort] = (await freePorts(3)) as [number, number, number];
  const isobarPorts = { listener: isobarPort, admin: adminPort };
  const write = (file: string, content: object): void => {
    writeFileSync(`${folder}/next`, JSON.stringify(content, undefined, 1));
    renameSync(`${folder}/next`, file);
  };
  const writeEndpoints = (all: readonly NamedEndpoints[]): void => {
    write(`${folder}/isobar.yaml`, isobarConfig(isobarPorts, isobar, all));
    for (const { name } of envoy) {
      write(endpointsFile(folder, name), envoyEndpoints(all.find((each) => each.name === name)!));
    }
  };
  writeEndpoints(listed);
  write(`${folder}/envoy.json`, envoyConfig(envoyPort, envoy, folder));
  const envoyArgs = [
    "-c",
    `${folder}/envoy.json`,
    "--concurrency",
    "1",
    "--disable-hot-restart",
    "-l",
    "error",
  ];
  await started(stack.use(new LineProcess(programs.envoy, envoyArgs)), envoyPort);
  const isobarArgs = [programs.launcher, "proxy", "--config", `${folder}/isobar.yaml`];
  await started(stack.use(new LineProcess(process.execPath, isobarArgs)), isobarPort);

  const load = stack.use(new LineProcess(programs.beside, ["load"]));
  load.tell({
    contenders: names.map((name, i) => ({
      name,
      target: `127.0.0.1:${i < isobar.length ? isobarPort : envoyPort}`,
      authority: authorityOf(name),
    })),
    perSecond: row.perSecond,
    warmSeconds: row.warmSeconds,
    seconds,
    deadlineMs: DEADLINE_MS,
    seed,
    ...WORK,
  });
  if ((await load.hear()) !== "onset") throw new Error("the load did not begin");
  const before = busyTicks();
  const sickOnes = names.map((_, i) => (i + 1) * own - 1);
  if (fault.kind === "cut") network!.cut();
  else if (fault.kind === "join") {
    backends.tell({ backends: sickOnes, mode: "warming", factor: fault.factor, decayMs: fault.decayMs });
    writeEndpoints(endpoints);
  } else {
    backends.tell({ backends: sickOnes, ...fault });
  }
  const outcomes = (await load.hear()) as Outcome[];
  const after = busyTicks();
  return { outcomes, sickPorts, busy: (after.busy - before.busy) / (after.all - before.all) };
}

async function started(child: LineProcess, port: number): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (!(await isListening(port))) {
    if (child.ended !== undefined) throw new Error(child.ended);
    if (performance.now() > endMs) throw new Error(`nothing listens on port ${port} after 30 s`);
    await sleep(50);
  }
  // Endpoints come after the listener.
  await sleep(500);
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Ticks of all cores since the machine began. */
function busyTicks(): { readonly busy: number; readonly all: number } {
  const fields = readFileSync("/proc/stat", "utf8")
    .split("\n")[0]!
    .trim()
    .split(/\s+/)
    .slice(1, 9)
    .map(Number);
  const all = fields.reduce((sum, ticks) => sum + ticks, 0);
  const [, , , idle = 0, wait = 0] = fields;
  return { busy: all - idle - wait, all };
}
