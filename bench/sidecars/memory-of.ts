import { readFileSync } from "node:fs";
import { processTree } from "../lib/process-usage.ts";

/** Memory of several processes, in MB (10^6 octets). */
export interface MemoryOf {
  /** Resident, each by itself: what they share counts for each. */
  readonly rssMegabytes: number;
  /** What they share is divided among all who have it: what the machine has less. */
  readonly pssMegabytes: number;
}

/** Reads the memory of processes and of what they have started from /proc. @throws when one is gone. */
export function memoryOf(pids: readonly number[]): MemoryOf {
  let [rss, pss] = [0, 0];
  for (const pid of pids.flatMap(processTree)) {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
    rss += kilobytes(rollup, "Rss");
    pss += kilobytes(rollup, "Pss");
  }
  return { rssMegabytes: (rss * 1024) / 1e6, pssMegabytes: (pss * 1024) / 1e6 };
}

function kilobytes(rollup: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(rollup)?.[1] ?? 0);
}
