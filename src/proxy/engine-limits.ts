import type { EngineLimits } from "../h2/engine-limits.ts";
import { FLOOD_LIMITS } from "../h2/flood-limits.ts";

/** Limits announced to peers and kept by the engine, from the octet budget. */
export function engineLimits(slabOctets: number, maxRequestBodyOctets: number): EngineLimits {
  return {
    maxConcurrentStreams: 1024,
    maxHeaderListOctets: 32_768,
    connectionWindowOctets: 2 ** 20,
    maxStreamWindowOctets: 2 ** 20,
    grownWindowsOctets: slabOctets / 4,
    backlogOctets: 131_072,
    maxBacklogOctets: 2 ** 20,
    floods: FLOOD_LIMITS,
    maxRequestBodyOctets,
  };
}
