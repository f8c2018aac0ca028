import { readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { coreBusySeconds } from "../lib/process-usage.ts";

/** What a process, or the machine, did meanwhile, as parts of one core. */
export interface LoadShare {
  readonly name: string;
  /** Processor time. */
  readonly used: number;
  /** Time its threads waited for a core, together. */
  readonly waited: number;
}

/** Measures who used the machine between two moments: how far times can be trusted. */
export class MachineLoad {
  readonly #processes: Readonly<Record<string, number>>;
  readonly #startedMs = performance.now();
  readonly #before: ReadonlyMap<string, { used: number; waited: number }>;

  /** @param processes ids by name. */
  constructor(processes: Readonly<Record<string, number>>) {
    this.#processes = processes;
    this.#before = this.#now();
  }

  /** @returns the processes in the given order, and the whole machine. */
  shares(): LoadShare[] {
    const seconds = (performance.now() - this.#startedMs) / 1_000;
    return [...this.#now()].map(([name, { used, waited }]) => {
      const before = this.#before.get(name)!;
      return { name, used: (used - before.used) / seconds, waited: (waited - before.waited) / seconds };
    });
  }

  #now(): Map<string, { used: number; waited: number }> {
    const now = new Map<string, { used: number; waited: number }>();
    for (const [name, pid] of Object.entries(this.#processes)) {
      now.set(name, threadSeconds(pid));
    }
    const used = cpus().reduce((sum, _, core) => sum + coreBusySeconds(core), 0);
    now.set(`the machine (${cpus().length} cores)`, { used, waited: 0 });
    return now;
  }
}

/** Seconds that the threads of a process had a core, and were ready and had none. Source: Linux, sched-stats, /proc/PID/schedstat. */
function threadSeconds(pid: number): { used: number; waited: number } {
  const sum = { used: 0, waited: 0 };
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1");
    const [used = 0, waited = 0] = text.split(" ").map(Number);
    sum.used += used / 1e9;
    sum.waited += waited / 1e9;
  }
  return sum;
}
