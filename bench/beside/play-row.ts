import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { ContenderProxy } from "./contender-proxy.ts";
import { FaultyEndpoints } from "./faulty-endpoints.ts";
import type { BesidePrograms } from "./find-programs.ts";
import { AUTHORITY, DEADLINE_MS } from "./limits.ts";
import { LineProcess } from "./line-process.ts";
import type { Row } from "./rows.ts";
import { WORK } from "./rows.ts";

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
  /** What clients saw that asked a healthy endpoint without a proxy: the machine's own noise. */
  readonly direct: Outcome;
  /** Port of each contender's sick or new endpoint, by its name. */
  readonly sickPorts: ReadonlyMap<string, number>;
  /** Share of the machine's cores that was busy, everything included. */
  readonly busy: number;
}

const DIRECT = "direct";
/** After the last listener is there: endpoints and connections come later. */
const SETTLE_MS = 500;

/** Plays one repetition of a row with processes of its own. @param seconds reported ones. */
export async function playRow(
  programs: BesidePrograms,
  { fault, heats, perSecond, warmSeconds }: Row,
  seed: number,
  seconds: number,
): Promise<Played> {
  const isobar = heats.flatMap((heat) => heat.isobar);
  const envoy = heats.flatMap((heat) => heat.envoy);
  const names = [...isobar, ...envoy].map(({ name }) => name);
  const folder = mkdtempSync(`${tmpdir()}/isobar-beside-`);
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true }));
  const endpoints = stack.use(
    await FaultyEndpoints.start(programs.beside, names.length, fault.kind === "cut"),
  );
  const listed = (i: number): readonly string[] =>
    fault.kind === "join" ? endpoints.of(i).slice(0, -1) : endpoints.of(i);
  const proxies: ContenderProxy[] = [];
  for (const variant of isobar) {
    const i = proxies.length;
    proxies.push(stack.use(await ContenderProxy.isobar(programs, variant, `${folder}/${i}`, listed(i))));
  }
  for (const variant of envoy) {
    const i = proxies.length;
    proxies.push(stack.use(await ContenderProxy.envoy(programs, variant, `${folder}/${i}`, listed(i))));
  }
  await sleep(SETTLE_MS);
  const targets = proxies.map(({ port }, i) => ({ name: names[i]!, target: `127.0.0.1:${port}` }));
  targets.push({ name: DIRECT, target: endpoints.direct });
  const load = stack.use(new LineProcess(programs.beside, ["load"]));
  load.tell({
    contenders: targets.map((target) => ({ ...target, authority: AUTHORITY })),
    perSecond,
    warmSeconds,
    seconds,
    deadlineMs: DEADLINE_MS,
    seed,
    ...WORK,
  });
  if ((await load.hear()) !== "onset") throw new Error("the load did not begin");
  const before = busyTicks();
  endpoints.befall(fault);
  if (fault.kind === "join") for (const [i, proxy] of proxies.entries()) proxy.list(endpoints.of(i));
  const all = (await load.hear()) as Outcome[];
  const after = busyTicks();
  return {
    outcomes: all.filter(({ name }) => name !== DIRECT),
    direct: all.find(({ name }) => name === DIRECT)!,
    sickPorts: new Map(names.map((name, i) => [name, Number(endpoints.of(i).at(-1)!.split(":")[1])])),
    busy: (after.busy - before.busy) / (after.all - before.all),
  };
}

/** Ticks of all cores since the machine began. */
function busyTicks(): { readonly busy: number; readonly all: number } {
  const [total] = readFileSync("/proc/stat", "utf8").split("\n");
  const fields = total!.trim().split(/\s+/).slice(1, 9).map(Number);
  const [, , , idle = 0, wait = 0] = fields;
  const all = fields.reduce((sum, ticks) => sum + ticks, 0);
  return { busy: all - idle - wait, all };
}
