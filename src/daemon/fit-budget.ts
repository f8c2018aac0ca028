const MIB = 1_048_576;

/** What the process needs beside the octet budget: runtime, code, heaps, the kernel's buffers; and each further worker. */
const BASE_OCTETS = 96 * MIB;
const BASE_WORKER_OCTETS = 16 * MIB;
/** Share of the limit that the octet budget and the rest of the process may fill together. */
const FILLED_SHARE = 0.9;
const MIN_WORKER_OCTETS = 8 * MIB;

/**
 * The largest octet budget with which the whole process stays below 90 % of its memory limit: a budget that does not fit is
 * worse than a small one, because the kernel ends the process, with every stream, before it is used up.
 *
 * @returns `budgetOctets` when it fits; at least 8 MiB per worker, however small the limit.
 */
export function fitBudget(budgetOctets: number, limitOctets: number, workerCount: number): number {
  const base = BASE_OCTETS + (workerCount - 1) * BASE_WORKER_OCTETS;
  const room = Math.floor((limitOctets * FILLED_SHARE - base) / MIB) * MIB;
  return Math.min(budgetOctets, Math.max(MIN_WORKER_OCTETS * workerCount, room));
}
