import type { Random } from "../base/random.ts";
import type { CandidateSet } from "./candidate-set.ts";
import type { PickRequest } from "./picker.ts";

/*
 * Avoiding endpoints a request has already been sent to. Only moves and retries come here, so these walk over all
 * candidates: exact shares among those left, and no draw that has to be repeated.
 */

/** @returns whether this request has been sent to that candidate before. */
export function isTried(candidates: CandidateSet, index: number, request: PickRequest): boolean {
  const slot = candidates.slots[index]!;
  for (let i = 0; i < request.triedCount; i++) if (request.tried[i] === slot) return true;
  return false;
}

/**
 * Draws by weight among the candidates that are neither tried nor `except`.
 *
 * @param except a candidate index, or -1 for none.
 * @returns -1 when none is left; no random number has been drawn then.
 */
export function drawUntried(
  candidates: CandidateSet,
  request: PickRequest,
  except: number,
  random: Random,
): number {
  let total = 0;
  for (let i = 0; i < candidates.count; i++) {
    if (i !== except && !isTried(candidates, i, request)) total += candidates.weights[i]!;
  }
  if (total === 0) return -1;
  let rest = random.nextFloat() * total;
  let last = -1;
  for (let i = 0; i < candidates.count; i++) {
    if (i === except || isTried(candidates, i, request)) continue;
    last = i;
    rest -= candidates.weights[i]!;
    if (rest < 0) return i;
  }
  // Rounding may leave a rest of almost nothing.
  return last;
}

/** @returns the first untried candidate at or after `start`, going round; -1 when none is left. */
export function nextUntried(candidates: CandidateSet, request: PickRequest, start: number): number {
  for (let step = 0; step < candidates.count; step++) {
    const index = (start + step) % candidates.count;
    if (!isTried(candidates, index, request)) return index;
  }
  return -1;
}
