import { runCommand } from "./run-command.ts";
import type { Flow } from "./table-text.ts";

/** Counters of the table by name, since it was made. */
export type Counters = Readonly<Record<string, number>>;

/** A connection that went past the proxy, as the kernel lists it. */
export interface SeenFlow extends Flow {
  /** Seconds until it is forgotten; the greater, the more recently it was used. */
  readonly expiresSeconds: number;
}

interface Listed {
  readonly set?: { readonly elem?: readonly unknown[] };
}

/**
 * Applies commands in one transaction: all or nothing. Not with `-j`: nft 1.0.6 then reads its input twice, and the second time there is nothing.
 *
 * @returns the table's counters after it.
 */
export async function applyNft(table: string, text: string): Promise<Counters> {
  const listed = await runCommand("nft", ["-f", "-"], `${text}list counters table inet ${table}\n`);
  const counters: Record<string, number> = {};
  for (const [, name = "", packets = ""] of listed.matchAll(/counter (\w+) \{[^}]*?packets (\d+)/g))
    counters[name] = Number(packets);
  return counters;
}

/** Deletes the table, if it is there. */
export async function deleteTable(table: string): Promise<void> {
  await runCommand("nft", ["-f", "-"], `add table inet ${table}\ndelete table inet ${table}\n`);
}

/** @returns the connections that went past the proxy and have not ended, both families. */
export async function listBypassed(table: string): Promise<SeenFlow[]> {
  const flows: SeenFlow[] = [];
  for (const family of [4, 6] as const)
    for (const { set } of await list(table, `bypassed${family}`))
      for (const element of set?.elem ?? []) {
        const flow = readFlow(family, element);
        if (flow !== undefined) flows.push(flow);
      }
  return flows;
}

/** @returns by private port the milliseconds that are left of the elements of both halves of `alive`; none when there is no such table. */
export async function listAlive(table: string): Promise<Map<number, number>> {
  const alive = new Map<number, number>();
  for (const half of ["alive", "alive2"])
    for (const { set } of await list(table, half).catch(() => []))
      for (const element of set?.elem ?? []) {
        const { elem } = element as { readonly elem?: { readonly val?: number; readonly expires?: number } };
        // It says whole seconds, rounded down.
        const leftMs = ((elem?.expires ?? 0) + 1) * 1000;
        if (elem?.val !== undefined) alive.set(elem.val, Math.max(leftMs, alive.get(elem.val) ?? 0));
      }
  return alive;
}

async function list(table: string, set: string): Promise<readonly Listed[]> {
  const output = await runCommand("nft", ["-j", "list", "set", "inet", table, set]);
  return (JSON.parse(output) as { readonly nftables?: readonly Listed[] }).nftables ?? [];
}

function readFlow(family: 4 | 6, element: unknown): SeenFlow | undefined {
  const { elem } = element as {
    readonly elem?: { readonly val?: { readonly concat?: readonly unknown[] }; readonly expires?: number };
  };
  const [source, sourcePort, address, port] = elem?.val?.concat ?? [];
  if (typeof source !== "string" || typeof sourcePort !== "number") return undefined;
  if (typeof address !== "string" || typeof port !== "number") return undefined;
  return { family, source, sourcePort, address, port, expiresSeconds: elem?.expires ?? 0 };
}
