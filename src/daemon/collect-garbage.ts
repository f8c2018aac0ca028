import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isMainThread } from "node:worker_threads";
import { trimMalloc } from "./trim-malloc.ts";

/** What `--expose-gc` puts into contexts made after it. */
type Collect = (options: { type: "major"; flavor: "last-resort" }) => void;

/**
 * Gives back what loading modules has left on this thread's heap: some 5 MB on every node of a cluster, for a few
 * milliseconds before the first request. V8 would do it only when it next runs short. The main thread has the C library do the same, for all threads.
 */
export function collectGarbage(): void {
  // The flag is one for all threads: whoever took it back would take it from another between its two steps.
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("typeof gc === 'function' ? gc : undefined") as Collect | undefined;
  collect?.({ type: "major", flavor: "last-resort" });
  if (isMainThread) trimMalloc();
}
