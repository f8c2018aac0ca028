import { readdirSync, readFileSync } from "node:fs";

/** /proc counts CPU time in these, on every Linux. */
const ticksPerSecond = 100;

/** What a process and its living descendants have used so far. */
export interface Usage {
  /** utime + stime, all threads. */
  cpuSeconds: number;
  /** Resident memory now. */
  rssMegabytes: number;
}

/** Reads the usage of a process tree from /proc; throws when the process is gone. */
export function processUsage(pid: number): Usage {
  const usage: Usage = { cpuSeconds: 0, rssMegabytes: 0 };
  for (const one of processTree(pid)) {
    const stat = readFileSync(`/proc/${one}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    usage.cpuSeconds += (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    const resident = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${one}/status`, "latin1"));
    usage.rssMegabytes += Number(resident?.[1] ?? 0) / 1000;
  }
  return usage;
}

/** The process and its living descendants. */
export function processTree(pid: number): number[] {
  const tree = [pid];
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const children = readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1").trim();
    for (const child of children === "" ? [] : children.split(" ")) {
      tree.push(...processTree(Number(child)));
    }
  }
  return tree;
}

/** Seconds a core has been busy since boot, whoever used it. */
export function coreBusySeconds(core: number): number {
  const line = readFileSync("/proc/stat", "latin1")
    .split("\n")
    .find((one) => one.startsWith(`cpu${core} `));
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (line ?? "")
    .split(" ")
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) / ticksPerSecond;
}
