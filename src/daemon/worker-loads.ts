/** Cells per worker: a cache line each for the acceptor's and the worker's, so that the two do not slow each other. */
const LINE_CELLS = 8;
const STRIDE = 2 * LINE_CELLS;
const ENDED = LINE_CELLS;
const STREAMS = LINE_CELLS + 1;
const THREAD = LINE_CELLS + 2;

/**
 * Client connections by worker, in shared memory, from which the acceptor sees who has the least. Connections handed over
 * are counted by the acceptor, those that ended by the worker: the difference is exact at every moment, also for sockets
 * that are still on their way. One writer per cell.
 */
export class WorkerLoads {
  readonly buffer: SharedArrayBuffer;
  readonly #cells: Float64Array;

  /** @param buffer the memory of the one on the main thread; default: new, all zero. */
  constructor(workerCount: number, buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(workerCount * STRIDE * Float64Array.BYTES_PER_ELEMENT);
    this.#cells = new Float64Array(this.buffer);
  }

  /** Connections a worker has, or has on their way to it. */
  connections(worker: number): number {
    return this.#cells[worker * STRIDE]! - this.#cells[worker * STRIDE + ENDED]!;
  }

  /** The acceptor's word: one more is on its way. */
  handedOver(worker: number): void {
    this.#cells[worker * STRIDE]!++;
  }

  /** The acceptor's word: a new worker starts with none. */
  startAfresh(worker: number): void {
    this.#cells[worker * STRIDE] = this.#cells[worker * STRIDE + ENDED]!;
  }

  /** The worker's word: how many of those it was handed have ended, over its whole life. */
  ended(worker: number, total: number): void {
    this.#cells[worker * STRIDE + ENDED] = total;
  }

  /** The worker's word, now and then: streams it has open. */
  streams(worker: number, count: number): void {
    this.#cells[worker * STRIDE + STREAMS] = count;
  }

  /** The worker's word: the kernel's number of its thread; see thread-processor.ts. */
  runsAs(worker: number, threadId: number): void {
    this.#cells[worker * STRIDE + THREAD] = threadId;
  }

  threadId(worker: number): number {
    return this.#cells[worker * STRIDE + THREAD]!;
  }

  /** Forgets what a dead worker said; {@link startAfresh} follows when its replacement serves. */
  retire(worker: number): void {
    this.#cells[worker * STRIDE + ENDED] = 0;
    this.#cells[worker * STRIDE + STREAMS] = 0;
    this.#cells[worker * STRIDE + THREAD] = 0;
  }

  /**
   * The worker for the next connection: fewest connections; among equals fewest streams. Connections come first, so that
   * equal clients are spread evenly whatever they do at the moment: most and fewest differ by 1 at most, unless
   * connections end. Streams first would send a burst of connections to whoever is between two requests.
   *
   * @param serving indexes of the workers to choose from.
   * @returns -1 when there are none.
   */
  least(serving: Iterable<number>): number {
    let best = -1;
    for (const worker of serving) if (best < 0 || this.#isLess(worker, best)) best = worker;
    return best;
  }

  #isLess(one: number, other: number): boolean {
    const difference = this.connections(one) - this.connections(other);
    if (difference !== 0) return difference < 0;
    return this.#cells[one * STRIDE + STREAMS]! < this.#cells[other * STRIDE + STREAMS]!;
  }
}
