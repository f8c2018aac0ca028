import type { Config } from "../config/config.ts";
import type { Log } from "../telemetry/log.ts";
import { OverloadManager } from "./overload-manager.ts";
import type { CgroupMemory } from "./overload-memory.ts";
import type { ProxyCounters } from "./proxy-counters.ts";

/** What {@link watchMemory} works with. */
export interface MemoryWatchOptions {
  readonly config: Pick<Config, "overload">;
  readonly counters: ProxyCounters;
  readonly log: Log;
  /** Told why the process is not ready for want of memory; undefined when it is again. */
  readonly onReadiness: ConstructorParameters<typeof OverloadManager>[0]["onReadiness"];
}

/** @param memory undefined: without a limit there is nothing to watch. */
export function watchMemory(
  memory: CgroupMemory | undefined,
  { config, counters, log, onReadiness }: MemoryWatchOptions,
): OverloadManager | undefined {
  if (memory === undefined) return undefined;
  const { overload: state, workers } = counters;
  return new OverloadManager({ memory, thresholds: config.overload, state, workers, log, onReadiness });
}
