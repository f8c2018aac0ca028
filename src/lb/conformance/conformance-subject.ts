import type { Random } from "../../base/random.ts";
import type { CandidateSet } from "../candidate-set.ts";
import type { LoadReader, Picker, PickRequest } from "../picker.ts";

/** A policy to be judged: makes its picker over given candidates. */
export type MakePicker = (candidates: CandidateSet) => Picker;

/** Candidates with these weights. Their slots are not their indexes, so that mixing the two up is found. */
export function plainCandidates(weights: readonly number[]): CandidateSet {
  return {
    tier: "any",
    priority: 0,
    panic: false,
    count: weights.length,
    indexes: Int32Array.from(weights, (_, i) => i),
    slots: Int32Array.from(weights, (_, i) => 3 + 2 * i),
    weights: Float64Array.from(weights),
    equalWeights: weights.every((weight) => weight === weights[0]),
    localCount: 0,
    keyHashes: Uint32Array.from({ length: weights.length * 2 }, (_, i) => Math.imul(i + 1, 0x9e3779b9) >>> 0),
  };
}

/** A request as the data path makes it; slots in `tried` have had it before. */
export function plainRequest(sequence = 0, tried: readonly number[] = []): PickRequest {
  return {
    sequence: sequence >>> 0,
    hash: 0,
    triedCount: tried.length,
    tried: Int32Array.from([...tried, -1, -1]),
  };
}

/** Answers with what a function says, and notes who was asked for. */
export class NotedLoads implements LoadReader {
  /** Method and slot of each call, such as `load 7`. */
  readonly calls: string[] = [];
  readonly values = new Map<string, number>();
  readonly #answer: (call: string) => number;

  constructor(answer: (call: string) => number) {
    this.#answer = answer;
  }

  inFlight(slot: number): number {
    return this.#note(`inFlight ${slot}`);
  }

  load(slot: number): number {
    return this.#note(`load ${slot}`);
  }

  total(): number {
    return this.#note("total");
  }

  #note(call: string): number {
    const value = this.#answer(call);
    this.calls.push(call);
    this.values.set(call, value);
    return value;
  }
}

/** Notes every number another source gives. */
export class NotedDraws implements Random {
  readonly drawn: number[] = [];
  readonly #source: Random;

  constructor(source: Random) {
    this.#source = source;
  }

  nextInt(bound: number): number {
    const value = this.#source.nextInt(bound);
    this.drawn.push(value);
    return value;
  }

  nextFloat(): number {
    const value = this.#source.nextFloat();
    this.drawn.push(value);
    return value;
  }
}

/** Gives noted numbers again; what is asked for beyond them is NaN, and {@link overdrawn} says so. */
export class RepeatedDraws implements Random {
  overdrawn = false;
  readonly #drawn: readonly number[];
  #next = 0;

  constructor(drawn: readonly number[]) {
    this.#drawn = drawn;
  }

  nextInt(): number {
    return this.nextFloat();
  }

  nextFloat(): number {
    const value = this.#drawn[this.#next++];
    if (value === undefined) this.overdrawn = true;
    return value ?? Number.NaN;
  }
}
