import { readFileSync, readlinkSync } from "node:fs";

const NANOSECONDS_PER_MS = 1e6;

/** What the kernel says of a thread. */
export interface ThreadProcessor {
  /** Processor time it has had so far. */
  readonly ranMs: number;
  /** Whether it runs or would, if it had a processor; a thread that waits for something does not. */
  readonly runnable: boolean;
}

/** @returns the kernel's number of the calling thread; 0 where there is no /proc. */
export function currentThreadId(): number {
  try {
    return Number(readlinkSync("/proc/thread-self").split("/").at(-1));
  } catch {
    return 0;
  }
}

/** @returns undefined where the kernel does not say, or there is no such thread in this process. */
export function readThreadProcessor(threadId: number): ThreadProcessor | undefined {
  if (threadId === 0) return undefined;
  try {
    const folder = `/proc/self/task/${threadId}`;
    const ranMs = Number(readFileSync(`${folder}/schedstat`, "latin1").split(" ")[0]) / NANOSECONDS_PER_MS;
    // proc(5): the name of the thread, which may contain anything, is in parentheses; its state follows.
    const stat = readFileSync(`${folder}/stat`, "latin1");
    return { ranMs, runnable: stat[stat.lastIndexOf(")") + 2] === "R" };
  } catch {
    return undefined;
  }
}
