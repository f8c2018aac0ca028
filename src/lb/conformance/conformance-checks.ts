import type { Random } from "../../base/random.ts";
import { SeededRandom } from "../../base/random.ts";
import type { CandidateSet } from "../candidate-set.ts";
import type { Picker } from "../picker.ts";
import type { MakePicker } from "./conformance-subject.ts";
import {
  NotedDraws,
  NotedLoads,
  plainCandidates,
  plainRequest,
  RepeatedDraws,
} from "./conformance-subject.ts";

/** Something every policy must do, whatever it is for. */
export interface ConformanceCheck {
  /** A sentence. */
  readonly title: string;
  /** @returns what is wrong, with the case; undefined when nothing is. @throws whatever the policy throws. */
  readonly run: (make: MakePicker) => string | undefined;
}

const WEIGHTS: readonly (readonly number[])[] = [
  [1],
  [1, 1],
  [1, 65_535],
  [1, 1, 1, 1, 1],
  [1, 2, 4, 100, 3],
];

/**
 * What is asked of every policy, of those that come with the product and of a team's own: so little that any idea of a good pick is
 * free, and so much that a proxy can serve with it and explain what it did.
 */
export const CONFORMANCE_CHECKS: readonly ConformanceCheck[] = [
  {
    title: "without candidates it gives -1, with one it gives that one",
    run: (make) => {
      for (const [weights, wanted] of [
        [[], -1],
        [[3], 0],
      ] as const) {
        const picker = make(plainCandidates(weights));
        const index = picker.pick(plainRequest(), new NotedLoads(() => 0), new SeededRandom(1), 1);
        if (index !== wanted) return `with ${weights.length} candidates it gave ${index}, wanted ${wanted}`;
      }
      return undefined;
    },
  },
  {
    title: "it gives the index of a candidate, whatever weights, loads, hashes and sequence numbers are",
    run: (make) => {
      const random = new SeededRandom(3);
      for (let round = 0; round < 200; round++) {
        const weights = Array.from({ length: 1 + random.nextInt(20) }, () => 1 + random.nextInt(65_535));
        const candidates = plainCandidates(weights);
        const picker = make(candidates);
        const loads = new NotedLoads(() => random.nextInt(1000));
        for (let i = 0; i < 25; i++) {
          const request = plainRequest(random.nextInt(2 ** 31) * 2 + 1);
          request.hash = i % 2 === 0 ? 0 : random.nextInt(2 ** 31) * 2 + 1;
          const index = picker.pick(request, loads, random, round * 1000);
          const wrong = notAnIndex(index, candidates);
          if (wrong !== undefined) return `${wrong}, with weights ${weights.join(", ")}`;
        }
      }
      return undefined;
    },
  },
  {
    title: "an endpoint that was tried is not given while another is left, and one is given when none is",
    run: (make) => {
      const random = new SeededRandom(5);
      for (const weights of WEIGHTS) {
        const candidates = plainCandidates(weights);
        const picker = make(candidates);
        for (let sequence = 0; sequence < 300; sequence++) {
          const tried: number[] = [];
          for (let attempt = 0; attempt <= candidates.count; attempt++) {
            const request = plainRequest(sequence, tried);
            request.hash = sequence % 3 === 0 ? 0 : sequence * 7919;
            const index = picker.pick(request, new NotedLoads(() => 0), random, sequence);
            const wrong = notAnIndex(index, candidates);
            if (wrong !== undefined) return wrong;
            const slot = candidates.slots[index]!;
            if (tried.includes(slot) && tried.length < candidates.count) {
              return `slot ${slot} was given again after slots ${tried.join(", ")}, of ${candidates.count}`;
            }
            tried.push(slot);
          }
        }
      }
      return undefined;
    },
  },
  {
    title: "it reads each load at most once in a pick, and only of candidates",
    run: (make) => {
      const random = new SeededRandom(11);
      for (const weights of WEIGHTS) {
        const candidates = plainCandidates(weights);
        const picker = make(candidates);
        const slots = new Set([...candidates.slots].map(String));
        for (let sequence = 0; sequence < 500; sequence++) {
          const loads = new NotedLoads(() => random.nextInt(9));
          picker.pick(plainRequest(sequence), loads, random, 1);
          const again = loads.calls.find((call, i) => loads.calls.indexOf(call) !== i);
          if (again !== undefined) return `${again} was read twice`;
          const foreign = loads.calls.find((call) => call !== "total" && !slots.has(call.split(" ")[1]!));
          if (foreign !== undefined) return `${foreign}: no candidate has that slot`;
        }
      }
      return undefined;
    },
  },
  {
    title: "the same candidates, request, draws, loads and time give the same endpoint again",
    run: (make) => {
      const random = new SeededRandom(7);
      for (const weights of WEIGHTS) {
        const candidates = plainCandidates(weights);
        const picker = make(candidates);
        let twin = picker;
        for (let sequence = 0; sequence < 1000; sequence++) {
          // What a picker remembers, a new one does not know. Some are dear to make.
          if (sequence % 100 === 0) twin = make(candidates);
          const tried = sequence % 3 === 0 ? [candidates.slots[sequence % candidates.count]!] : [];
          const wrong = replays(picker, twin, sequence, tried, random);
          if (wrong !== undefined) return `${wrong}, with weights ${weights.join(", ")}`;
        }
      }
      return undefined;
    },
  },
];

/** Picks with changing loads, then once more with another picker from what was noted. */
function replays(
  picker: Picker,
  twin: Picker,
  sequence: number,
  tried: readonly number[],
  random: Random,
): string | undefined {
  const draws = new NotedDraws(random);
  const loads = new NotedLoads(() => random.nextInt(9));
  const picked = picker.pick(plainRequest(sequence, tried), loads, draws, sequence);
  const known = new NotedLoads((call) => loads.values.get(call) ?? Number.NaN);
  const repeated = new RepeatedDraws(draws.drawn);
  const again = twin.pick(plainRequest(sequence, tried), known, repeated, sequence);
  if (repeated.overdrawn) return `the pick drew ${draws.drawn.length} numbers, its repetition more`;
  const unknown = known.calls.find((call) => !loads.values.has(call));
  if (unknown !== undefined) return `the repetition read ${unknown}, the pick did not`;
  return again === picked ? undefined : `the pick gave ${picked}, its repetition ${again}`;
}

function notAnIndex(index: number, candidates: CandidateSet): string | undefined {
  if (Number.isInteger(index) && index >= 0 && index < candidates.count) return undefined;
  return `it gave ${String(index)}, which is no index of ${candidates.count} candidates`;
}
