import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * One helper thread, little room for what has just been made, and no compilers but the interpreter: their code alone is 9 MB that would be
 * read into memory, for a process that computes for some milliseconds a second.
 */
const FLAGS = [
  "--v8-pool-size=1",
  "--max-semi-space-size=1",
  "--no-opt",
  "--no-maglev",
  "--no-sparkplug",
] as const;
/** See mallopt(3); what the environment says counts. */
const FRUGAL_MALLOC = { MALLOC_ARENA_MAX: "1", MALLOC_TRIM_THRESHOLD_: "65536" };

/**
 * Begins anew in the same process with another module, without what reading the command line has brought into memory (8 MB).
 *
 * @param module of this folder, without its ending. @returns only where that cannot be done.
 */
export function beginFrugally(module: string, args: readonly string[]): void {
  // A parent that speaks over IPC would lose its channel.
  if (process.connected || typeof process.execve !== "function") return;
  const built = fileURLToPath(new URL(`./${module}.js`, import.meta.url));
  const path = existsSync(built) ? built : fileURLToPath(new URL(`./${module}.ts`, import.meta.url));
  try {
    process.execve(process.execPath, [process.execPath, ...process.execArgv, ...FLAGS, path, ...args], {
      ...FRUGAL_MALLOC,
      ...process.env,
    });
  } catch {
    // Not permitted here: then it takes a little more memory.
  }
}
