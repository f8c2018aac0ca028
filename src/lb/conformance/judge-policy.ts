import { SeededRandom } from "../../base/random.ts";
import { MAX_PICK_US } from "../module/policy-watch.ts";
import { CONFORMANCE_CHECKS } from "./conformance-checks.ts";
import type { MakePicker } from "./conformance-subject.ts";
import { plainCandidates, plainRequest } from "./conformance-subject.ts";

const ROUNDS = 9;
const PICKS_PER_ROUND = 500;

/**
 * Runs a policy through all that is asked of it.
 *
 * @param nowUs a clock in microseconds, with fractions.
 * @returns what is wrong, a sentence each; nothing for a good policy. Nothing is thrown.
 */
export function judgePolicy(make: MakePicker, nowUs: () => number): string[] {
  const problems: string[] = [];
  for (const { title, run } of CONFORMANCE_CHECKS) {
    try {
      const wrong = run(make);
      if (wrong !== undefined) problems.push(`${title}: ${wrong}`);
    } catch (error) {
      problems.push(`${title}: it throws ${String(error)}`);
    }
  }
  // What is wrong already may be anything, endless loops included.
  if (problems.length === 0) {
    const medianUs = medianPickUs(make, nowUs);
    if (medianUs > MAX_PICK_US) {
      problems.push(
        `a pick takes at most ${MAX_PICK_US} µs: it takes ${medianUs.toFixed(1)} µs with 100 candidates`,
      );
    }
  }
  return problems;
}

/** The median of rounds, so that one pause of the machine says nothing. */
function medianPickUs(make: MakePicker, nowUs: () => number): number {
  const picker = make(plainCandidates(Array.from({ length: 100 }, (_, i) => 1 + (i % 4))));
  const random = new SeededRandom(1);
  const request = plainRequest();
  const loads = { inFlight: (slot: number) => slot & 7, load: (slot: number) => slot & 7, total: () => 350 };
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const beginUs = nowUs();
    for (let i = 0; i < PICKS_PER_ROUND; i++) {
      request.sequence++;
      request.hash = Math.imul(i + 1, 0x9e3779b9) >>> 0;
      picker.pick(request, loads, random, i);
    }
    rounds.push((nowUs() - beginUs) / PICKS_PER_ROUND);
  }
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1]!;
}
