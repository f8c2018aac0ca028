/** What the launcher gives a daemon (src/cli/launch.mjs). */
const FLAGS = ["--v8-pool-size=1", "--max-semi-space-size=1"] as const;
const FRUGAL_MALLOC = {
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: "65536",
  MALLOC_TRIM_THRESHOLD_: "131072",
};

/** Begins this program anew in the same process with the memory settings that a daemon ships with, for programs that run one in themselves. Does nothing the second time. */
export function beginAsLaunched(): void {
  if (process.execArgv.includes(FLAGS[0]) || typeof process.execve !== "function") return;
  const [program = "", ...args] = process.argv.slice(1);
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...FLAGS, program, ...args], {
    ...FRUGAL_MALLOC,
    ...process.env,
  });
}
