/** Doubles in a cache line: rows start on one, so that two writers never share it. */
const LINE_DOUBLES = 8;

/** Columns that the main thread has cells of its own for, beside the workers' rows. */
export interface MainColumns {
  readonly first: number;
  readonly count: number;
}

/**
 * Counters in shared memory: one row per worker, written by that worker alone with plain additions, summed by readers. The main thread may have cells
 * for some columns, and not a whole row: a thousand services have a thousand of them.
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
  readonly #main: MainColumns;

  /**
   * @param columns cells a row needs.
   * @param gauges columns that tell a present state, not a total: {@link retireRow} clears them.
   * @param buffer existing memory of the same shape; default: new, all zero.
   * @param main default: the main thread counts nothing.
   */
  constructor(
    columns: number,
    gauges: readonly number[],
    workerCount: number,
    buffer?: SharedArrayBuffer,
    main: MainColumns = { first: 0, count: 0 },
  ) {
    this.stride = wholeLines(columns);
    this.workerCount = workerCount;
    const octets = (this.stride * workerCount + wholeLines(main.count)) * Float64Array.BYTES_PER_ELEMENT;
    this.buffer = buffer ?? new SharedArrayBuffer(octets);
    if (this.buffer.byteLength !== octets) {
      throw new RangeError(`counter rows: found ${this.buffer.byteLength} octets, wanted ${octets}`);
    }
    this.#cells = new Float64Array(this.buffer);
    this.#gauges = gauges;
    this.#main = main;
  }

  /** @returns the row only that worker may write. */
  row(worker: number): Float64Array {
    return this.#cells.subarray(worker * this.stride, (worker + 1) * this.stride);
  }

  /** Counts one, on the main thread. @param column one of its own. */
  countOnMain(column: number): void {
    this.#cells[this.#mainCell(column)]!++;
  }

  /** @returns what the main thread has counted; 0 of columns that are not its own. */
  onMain(column: number): number {
    const { first, count } = this.#main;
    return column < first || column >= first + count ? 0 : this.#cells[this.#mainCell(column)]!;
  }

  /** @returns a column's sum over all workers, and the main thread. */
  sum(column: number): number {
    let sum = this.onMain(column);
    const end = this.workerCount * this.stride;
    for (let cell = column; cell < end; cell += this.stride) sum += this.#cells[cell]!;
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

  #mainCell(column: number): number {
    return this.workerCount * this.stride + column - this.#main.first;
  }
}

function wholeLines(cells: number): number {
  return Math.ceil(cells / LINE_DOUBLES) * LINE_DOUBLES;
}
