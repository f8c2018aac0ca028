#!/usr/bin/env node
// Plain JavaScript on purpose: it must run on the very Node versions it refuses.
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { fileURLToPath } from "node:url";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 24 || (major === 24 && minor < 12)) {
  process.stderr.write(
    `isobar: needs Node 24.12 or newer, found ${process.versions.node}; run "npm ci" (the lockfile brings the right one) and start through npm scripts\n`,
  );
  process.exit(69);
}
// In a build the module beside this one is JavaScript already.
const built = new URL("./main.js", import.meta.url);
const main = existsSync(built) ? built : new URL("./main.ts", import.meta.url);
if (main !== built) {
  // With stripped sources in a cache, the stripper (some 30 MB and half a second per thread) is loaded the first time
  // only. The variable hands the cache on to worker threads and child processes.
  process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL("../../.cache/compile", import.meta.url));
  nodeModule.enableCompileCache(process.env.NODE_COMPILE_CACHE);
  setTimeout(nodeModule.flushCompileCache, 5_000).unref();
}
/** See mallopt(3); what the environment says counts. Other C libraries do not look at it. */
const FRUGAL_MALLOC = {
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: "65536",
  MALLOC_TRIM_THRESHOLD_: "131072",
};
trimHelpers();
await import(main.href);

/**
 * The daemon begins anew in the same process, with numbers that can only be given on the command line: one helper thread for V8 instead of four, because
 * the others' memory, a megabyte or more, is worth nothing to a process with one busy thread; and 1 MB instead of 16 for what a thread has just made. It
 * makes hardly anything for a request, but thousands of endpoints that a control plane tells of would leave 80 MB that are kept for the next ones.
 * And the C library is to give back what is freed, which by itself it keeps, by thread: 30 MB of an idle process are just that.
 */
function trimHelpers() {
  const isDaemon = process.argv[2] === "proxy";
  const isAsked = process.execArgv.some((each) => each.startsWith("--v8-pool-size"));
  // A parent that speaks over IPC would lose its channel.
  if (!isDaemon || isAsked || process.connected || typeof process.execve !== "function") return;
  const args = [
    process.execPath,
    ...process.execArgv,
    "--v8-pool-size=1",
    "--max-semi-space-size=1",
    ...process.argv.slice(1),
  ];
  try {
    process.execve(process.execPath, args, { ...FRUGAL_MALLOC, ...process.env });
  } catch {
    // Not permitted here: then it takes a little more memory.
  }
}
