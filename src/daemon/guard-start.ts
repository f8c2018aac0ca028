import type { Config } from "../config/config.ts";
import type { GuardOptions } from "../proxy/guard/guard-options.ts";
import type { Log } from "../telemetry/log.ts";
import { connectionLimit, openFilesLimit } from "./connection-limit.ts";
import { fitBudget } from "./fit-budget.ts";
import type { MemoryUse } from "./overload-memory.ts";

/** What of a worker's start follows from limits, those of the configuration and those of the system. */
export interface GuardStart {
  readonly guard: GuardOptions;
  readonly maxRequestBodyOctets: number;
  readonly maxTlsHandshakes: number;
  readonly slabOctets: number;
}

/**
 * Divides what the process may take among its workers, and says so where the system allows less than the configuration.
 *
 * @param memory what stands in the cgroup; undefined without a limit.
 */
export function guardStart(config: Config, memory: MemoryUse | undefined, log: Log): GuardStart {
  const { limits, keepalive, concurrency } = config;
  const { downstream } = keepalive;
  const share = (whole: number): number => Math.ceil(whole / concurrency);
  const openFiles = openFilesLimit();
  const maxConnections = connectionLimit(limits.maxConnections, openFiles);
  if (limits.maxConnections !== undefined && maxConnections < limits.maxConnections) {
    log.warn("limits.maxConnections is lowered: the process may not open so many files", {
      configured: limits.maxConnections,
      inForce: maxConnections,
      openFiles,
    });
  }
  return {
    guard: {
      maxConnections: share(maxConnections),
      maxConnectionsPerCaller: share(limits.perCaller.connections),
      newConnectionsPerSecondPerCaller: share(limits.perCaller.newConnectionsPerSecond),
      handshakeTimeoutMs: limits.handshakeTimeoutMs,
      requestHeadersTimeoutMs: limits.requestHeadersTimeoutMs,
      idleTimeoutMs: downstream.idleTimeoutMs,
      maxConnectionAgeMs: downstream.maxConnectionAgeMs,
      keepaliveTimeMs: downstream.timeMs,
      keepaliveTimeoutMs: downstream.timeoutMs,
    },
    maxRequestBodyOctets: limits.maxRequestBodyOctets,
    maxTlsHandshakes: limits.maxTlsHandshakes,
    slabOctets: Math.floor(octetBudget(config, memory, log) / concurrency),
  };
}

function octetBudget(
  { memory: { budgetOctets }, concurrency }: Config,
  memory: MemoryUse | undefined,
  log: Log,
): number {
  if (memory === undefined) return budgetOctets;
  const { limitOctets } = memory;
  const fitting = fitBudget(budgetOctets, limitOctets, concurrency);
  if (fitting < budgetOctets) {
    log.warn("memory.budgetOctets is lowered to fit into the memory limit of the cgroup", {
      configured: budgetOctets,
      inForce: fitting,
      limitOctets,
    });
  }
  return fitting;
}
