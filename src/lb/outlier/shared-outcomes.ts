import { MAX_ENDPOINT_SLOTS } from "../../resource/slot-registry.ts";

/** Whether an ejected endpoint may be given one request, to see whether it is well again. */
export const TrialGate = {
  /** No trial is on: the endpoint is in use, or ejected. */
  closed: 0,
  /** Whoever takes it first sends one request. */
  open: 1,
  /** Taken; what became of it is not known yet. */
  taken: 2,
} as const;

/** One of {@link TrialGate}. */
export type TrialGate = (typeof TrialGate)[keyof typeof TrialGate];

const COLUMNS = 4;
const SUCCESSES = 0;
const FAILURES = 1;
const ANSWERS = 2;
const TRIPS = 3;

/** What outlier detection reads of one endpoint; counts are of all workers, and wrap at 2^32. */
export interface OutcomeReader {
  successes(slot: number): number;
  failures(slot: number): number;
  answers(slot: number): number;
  trips(slot: number): number;
  gate(slot: number): TrialGate;
}

/**
 * What attempts came to, by worker and endpoint slot, and the gates of trials: the shared memory between the workers, who see
 * answers, and the main thread, who sees all of them. A worker writes its own row; gates are opened and closed by the main
 * thread and taken by workers.
 */
export class SharedOutcomes implements OutcomeReader {
  /** To be sent to workers. */
  readonly buffer: SharedArrayBuffer;
  readonly #counts: Uint32Array;
  readonly #gates: Int32Array;
  readonly #workerCount: number;

  /** @param buffer the memory of the one on the main thread; default: new, all zero. */
  constructor(workerCount: number, buffer?: SharedArrayBuffer) {
    const cells = workerCount * MAX_ENDPOINT_SLOTS * COLUMNS;
    this.buffer = buffer ?? new SharedArrayBuffer((cells + MAX_ENDPOINT_SLOTS + 2) * 4);
    this.#counts = new Uint32Array(this.buffer, 0, cells);
    this.#gates = new Int32Array(this.buffer, cells * 4);
    this.#workerCount = workerCount;
  }

  /** A worker's attempt was answered well. */
  succeeded(worker: number, slot: number): void {
    this.#counts[cellOf(worker, slot) + SUCCESSES]!++;
  }

  /** A worker's attempt failed. */
  failed(worker: number, slot: number): void {
    this.#counts[cellOf(worker, slot) + FAILURES]!++;
  }

  /** The first octets of an answer came, whatever it will be. */
  answered(worker: number, slot: number): void {
    this.#counts[cellOf(worker, slot) + ANSWERS]!++;
  }

  /** A worker has seen so many failures in a row that it has set the endpoint aside. */
  tripped(worker: number, slot: number): void {
    this.#counts[cellOf(worker, slot) + TRIPS]!++;
  }

  successes(slot: number): number {
    return this.#sum(slot, SUCCESSES);
  }

  failures(slot: number): number {
    return this.#sum(slot, FAILURES);
  }

  answers(slot: number): number {
    return this.#sum(slot, ANSWERS);
  }

  trips(slot: number): number {
    return this.#sum(slot, TRIPS);
  }

  gate(slot: number): TrialGate {
    return this.#gates[slot] as TrialGate;
  }

  /** For the main thread: lets one request through, or none any more. */
  setGate(slot: number, gate: TrialGate): void {
    if (this.#gates[slot] === gate) return;
    const listed = this.#gates[slot] !== TrialGate.closed;
    Atomics.store(this.#gates, slot, gate);
    if (listed === (gate !== TrialGate.closed)) return;
    Atomics.add(this.#gates, MAX_ENDPOINT_SLOTS + 1, listed ? -1 : 1);
    Atomics.add(this.#gates, MAX_ENDPOINT_SLOTS, 1);
  }

  /** Takes an endpoint's trial. @returns whether the caller's request is it: of all threads one has it. */
  takeGate(slot: number): boolean {
    return Atomics.compareExchange(this.#gates, slot, TrialGate.open, TrialGate.taken) === TrialGate.open;
  }

  /** @returns a number that differs whenever an endpoint's trial has begun or ended. */
  get trialVersion(): number {
    return this.#gates[MAX_ENDPOINT_SLOTS]!;
  }

  /** Endpoints in trial now. */
  get trials(): number {
    return this.#gates[MAX_ENDPOINT_SLOTS + 1]!;
  }

  #sum(slot: number, column: number): number {
    let sum = 0;
    for (let worker = 0; worker < this.#workerCount; worker++)
      sum += this.#counts[cellOf(worker, slot) + column]!;
    return sum >>> 0;
  }
}

function cellOf(worker: number, slot: number): number {
  return (worker * MAX_ENDPOINT_SLOTS + slot) * COLUMNS;
}
