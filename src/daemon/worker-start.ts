import type { Config } from "../config/config.ts";
import { durationMs } from "../config/duration-ms.ts";
import type { Log } from "../telemetry/log.ts";
import { guardStart } from "./guard-start.ts";
import type { MemoryUse } from "./overload-memory.ts";
import type { ProxyCounters } from "./proxy-counters.ts";

/** @returns what every worker is born with, whichever it is. @param memory what stands in the cgroup; undefined without a limit. */
export function workerStart(
  config: Config,
  memory: MemoryUse | undefined,
  counters: ProxyCounters,
  log: Log,
) {
  const identity = config.capture?.identity;
  return {
    node: config.node,
    anyIp: config.capture?.anyIp,
    identity: identity && { keyFile: identity.keyFile, lifetimeMs: durationMs(identity.lifetime) },
    resolveTimeoutMs: config.controlPlane && durationMs(config.controlPlane.resolveTimeout),
    ...guardStart(config, memory, log),
    overload: counters.overload.buffer,
    poison: config.memory.poisonFreed,
    endpointCounters: counters.endpoints.buffers,
    outcomes: counters.outcomes.buffer,
    workerCounters: counters.workers.buffer,
  };
}
