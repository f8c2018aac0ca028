/** Doubles in a cache line: rows start on one, so that two writers never share it. */
const LINE_DOUBLES = 8;

/**
 * Counters in shared memory: one row per worker, written by that worker alone with plain additions, summed by readers.
 *
 * Reads are not atomic with each other: a sum may miss the last few additions, never show one twice.
 */
export class CounterRows {
  /** To be sent to workers; a CounterRows made from it sees the same numbers. */
  readonly buffer: SharedArrayBuffer;
  readonly workerCount: number;
  /** Cells per row, padding included. */
  readonly stride: number;

  readonly #cells: Float64Array;
  readonly #gauges: readonly number[];

  /**
   * @param columns cells a row needs.
   * @param gauges columns that tell a present state, not a total: {@link retireRow} clears them.
   * @param buffer existing memory of the same shape; default: new, all zero.
   * @param otherRows rows after the workers'; default none.
   */
  constructor(
    columns: number,
    gauges: readonly number[],
    workerCount: number,
    buffer?: SharedArrayBuffer,
    otherRows = 0,
  ) {
    this.stride = Math.ceil(columns / LINE_DOUBLES) * LINE_DOUBLES;
    this.workerCount = workerCount;
    const octets = this.stride * (workerCount + otherRows) * Float64Array.BYTES_PER_ELEMENT;
    this.buffer = buffer ?? new SharedArrayBuffer(octets);
    if (this.buffer.byteLength !== octets) {
      throw new RangeError(`counter rows: found ${this.buffer.byteLength} octets, wanted ${octets}`);
    }
    this.#cells = new Float64Array(this.buffer);
    this.#gauges = gauges;
  }

  /** @returns the row only that worker may write. */
  row(worker: number): Float64Array {
    return this.#cells.subarray(worker * this.stride, (worker + 1) * this.stride);
  }

  /** @returns a column's sum over all workers. */
  sum(column: number): number {
    let sum = 0;
    for (let cell = column; cell < this.#cells.length; cell += this.stride) sum += this.#cells[cell]!;
    return sum;
  }

  /** Fills `into` with the sums of as many columns as it is long, from `column` on. */
  sumInto(column: number, into: Float64Array): void {
    for (let i = 0; i < into.length; i++) into[i] = this.sum(column + i);
  }

  /** Clears what a dead worker had open. Its totals stay, and the worker that takes its place counts on from them. */
  retireRow(worker: number): void {
    for (const column of this.#gauges) this.#cells[worker * this.stride + column] = 0;
  }
}
