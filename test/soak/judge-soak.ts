import type { SoakReport } from "./soak.ts";
import type { Residue } from "./soak-message.ts";

const HEAP_LIMIT_OCTETS = 2 * 2 ** 20;

/** What must be as before. */
const EXACT = [
  "resources",
  "slabOctets",
  "streams",
  "connections",
  "inFlight",
  "grownWindowOctets",
] as const satisfies (keyof Residue)[];

/** @returns what is wrong with a soak, for people; empty when all is well. */
export function judgeSoak({ before, after, clients, backends, restless }: SoakReport): string[] {
  const problems = [...clients.flatMap((client) => client.foreign), ...backends.foreign];
  if (restless !== "") problems.push(`did not come to rest: ${restless}`);
  for (const what of EXACT) {
    if (before[what] !== after[what]) problems.push(`${what}: ${before[what]} before, ${after[what]} after`);
  }
  if (after.started !== after.finished)
    problems.push(`${after.started} streams started, ${after.finished} finished`);
  const grown = after.heapOctets - before.heapOctets;
  if (grown > HEAP_LIMIT_OCTETS)
    problems.push(`heap has grown by ${(grown / 2 ** 20).toFixed(2)} MiB, at most 2 allowed`);
  const answered = clients.reduce((sum, client) => sum + (client.ends["status 0"] ?? 0), 0);
  if (answered === 0) problems.push("no call was answered");
  return problems;
}

/** @returns a soak's figures as lines of text. */
export function describeSoak({ before, after, clients, backends }: SoakReport): string[] {
  const ends = new Map<string, number>();
  for (const client of clients) {
    for (const [end, count] of Object.entries(client.ends)) ends.set(end, (ends.get(end) ?? 0) + count);
  }
  const octets = [...clients, backends].reduce((sum, each) => sum + each.octets, 0);
  const kept = after.keptWrites - before.keptWrites;
  const writes = after.writes - before.writes;
  return [
    `calls: ${[...ends]
      .sort((a, b) => b[1] - a[1])
      .map(([end, count]) => `${end} × ${count}`)
      .join(", ")}`,
    `octets looked at: ${(octets / 2 ** 20).toFixed(0)} MiB`,
    `writes taken in parts: ${kept} of ${writes} (${((100 * kept) / Math.max(1, writes)).toFixed(0)} %)`,
    `streams: ${after.started} started, ${after.finished} finished`,
    `heap: ${((after.heapOctets - before.heapOctets) / 2 ** 20).toFixed(2)} MiB more; left: ${after.resources}`,
  ];
}
