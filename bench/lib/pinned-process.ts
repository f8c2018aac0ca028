import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { programEnv } from "./program-env.ts";

/** A program bound to one core for as long as it is in scope. */
export interface PinnedProcess extends AsyncDisposable {
  pid: number;
  child: ChildProcess;
  /** The end of what it wrote to standard error. */
  complaints(): string;
  exited(): boolean;
}

const running = new Set<ChildProcess>();

// Whatever ends the benchmark, nothing it started stays behind.
process.on("exit", () => {
  for (const child of running) {
    child.kill("SIGKILL");
  }
});
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => process.exit(130));
}

/** Starts a program on one core, or on those of a list as taskset(1) has it. Disposing ends it: SIGTERM, and SIGKILL after two seconds. */
export function startPinned(core: number | string, command: string, args: string[]): PinnedProcess {
  const child = spawn("taskset", ["-c", String(core), command, ...args], {
    env: programEnv,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let complaints = "";
  let gone = false;
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints = (complaints + text).slice(-2000);
  });
  running.add(child);
  child.on("exit", () => {
    running.delete(child);
    gone = true;
  });
  child.on("error", (error) => {
    gone = true;
    complaints = String(error);
  });
  if (child.pid === undefined) {
    throw new Error(`cannot start ${command}: is taskset installed?`);
  }
  return {
    pid: child.pid,
    child,
    complaints: () => complaints.trim(),
    exited: () => gone,
    async [Symbol.asyncDispose]() {
      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        child.kill(signal);
        for (let waited = 0; waited < 2000 && !gone; waited += 20) {
          await sleep(20);
        }
      }
    },
  };
}
