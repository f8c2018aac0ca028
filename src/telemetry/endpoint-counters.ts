import type { LoadSources, StreamPenalty } from "../lb/load/cluster-loads.ts";
import { EndpointMeasures } from "../lb/load/endpoint-measures.ts";
import type { SetAside } from "../resource/set-aside.ts";
import { MAX_ENDPOINT_SLOTS } from "../resource/slot-registry.ts";
import { EndpointLatencies } from "./endpoint-latencies.ts";

/** The shared memory of {@link EndpointCounters}, as sent to workers. */
export interface EndpointCounterBuffers {
  readonly inFlight: SharedArrayBuffer;
  readonly requests: SharedArrayBuffer;
  readonly errors: SharedArrayBuffer;
  readonly setAside: SharedArrayBuffer;
  readonly asideRows: SharedArrayBuffer;
  readonly setAsideChanges: SharedArrayBuffer;
  readonly reportClaims: SharedArrayBuffer;
  readonly measures: SharedArrayBuffer;
  readonly latencies: SharedArrayBuffer;
}

/**
 * What is counted about endpoints, for the whole process: by worker row and endpoint slot. A worker writes its own row
 * only, and every worker reads all rows: load is what the process has open, and set aside is what any worker set aside.
 */
export class EndpointCounters {
  readonly buffers: EndpointCounterBuffers;
  /** Streams open now; cell of (worker, slot) is {@link rowStart}(worker) + slot, as for all rows here. */
  readonly inFlight: Int32Array;
  /** Attempts begun. */
  readonly requests: Float64Array;
  /** Attempts ended by a connection error, a reset, or a status that says the endpoint is at fault. */
  readonly errors: Float64Array;
  /** Bits of SetAside: set aside by that row's owner, who also clears them. The row after the workers' is the main thread's. */
  readonly setAside: Int32Array;

  /** Latencies, reports, and when endpoints were new; a row per worker, and one of the main thread. */
  readonly measures: EndpointMeasures;
  /** How long attempts took, where somebody wants to know. */
  readonly latencies: EndpointLatencies;

  readonly #workerCount: number;
  /** By slot: rows in which it is set aside, or more of them when a thread has died just then. So what is in use is found by one read. */
  readonly #asideRows: Int32Array;
  /** Changes so far, and the sum of {@link #asideRows}. */
  readonly #setAsideChanges: Int32Array;
  /** By slot: the worker that is asking the endpoint for its load, plus 1; 0 for none. */
  readonly #reportClaims: Int32Array;

  /** @param buffers the memory of the one on the main thread; default: new, all zero. */
  constructor(workerCount: number, buffers?: EndpointCounterBuffers) {
    const cells = workerCount * MAX_ENDPOINT_SLOTS;
    this.measures = new EndpointMeasures(workerCount, MAX_ENDPOINT_SLOTS, buffers?.measures);
    this.latencies = new EndpointLatencies(workerCount, MAX_ENDPOINT_SLOTS, buffers?.latencies);
    this.buffers = buffers ?? {
      inFlight: new SharedArrayBuffer(cells * 4),
      requests: new SharedArrayBuffer(cells * 8),
      errors: new SharedArrayBuffer(cells * 8),
      setAside: new SharedArrayBuffer((cells + MAX_ENDPOINT_SLOTS) * 4),
      asideRows: new SharedArrayBuffer(MAX_ENDPOINT_SLOTS * 4),
      setAsideChanges: new SharedArrayBuffer(8),
      reportClaims: new SharedArrayBuffer(MAX_ENDPOINT_SLOTS * 4),
      measures: this.measures.buffer as SharedArrayBuffer,
      latencies: this.latencies.buffer,
    };
    this.inFlight = new Int32Array(this.buffers.inFlight);
    this.requests = new Float64Array(this.buffers.requests);
    this.errors = new Float64Array(this.buffers.errors);
    this.setAside = new Int32Array(this.buffers.setAside);
    this.#asideRows = new Int32Array(this.buffers.asideRows);
    this.#setAsideChanges = new Int32Array(this.buffers.setAsideChanges);
    this.#reportClaims = new Int32Array(this.buffers.reportClaims);
    this.#workerCount = workerCount;
  }

  /** @returns where the row of a worker starts in the arrays above. */
  rowStart(worker: number): number {
    return worker * MAX_ENDPOINT_SLOTS;
  }

  /** @returns streams open on a slot over all workers. */
  inFlightOf(slot: number): number {
    return this.#sum(this.inFlight, slot);
  }

  requestsOf(slot: number): number {
    return this.#sum(this.requests, slot);
  }

  errorsOf(slot: number): number {
    return this.#sum(this.errors, slot);
  }

  /** What loads of endpoints are read from. @param penalty streams that failures count as. */
  loadSources(penalty?: StreamPenalty): LoadSources {
    return { inFlight: this.inFlight, slots: MAX_ENDPOINT_SLOTS, measures: this.measures, penalty };
  }

  /** Where the main thread's row of {@link setAside} starts. */
  get mainRowStart(): number {
    return this.rowStart(this.#workerCount);
  }

  /** @returns whether anybody has set the endpoint aside, for whatever reason. */
  isSetAside(slot: number): boolean {
    return this.asideReasons(slot) !== 0;
  }

  /** @returns why the endpoint is set aside, by any thread: bits of {@link SetAside}, 0 for not at all. */
  asideReasons(slot: number): SetAside {
    if (this.#asideRows[slot] === 0) return 0;
    let reasons = 0;
    for (let cell = slot; cell < this.setAside.length; cell += MAX_ENDPOINT_SLOTS)
      reasons |= this.setAside[cell]!;
    return reasons;
  }

  /** Sets an endpoint aside for a reason or takes that reason back, in the caller's own row, which starts at `rowStart`. */
  markAside(rowStart: number, slot: number, reason: SetAside, aside: boolean): void {
    const cell = rowStart + slot;
    const before = this.setAside[cell]!;
    const value = aside ? before | reason : before & ~reason;
    if (before === value) return;
    // Counted before it is so, and as long as it is so: who dies in between leaves too many, which costs a look.
    if (before === 0) this.#countAside(slot, 1);
    this.setAside[cell] = value;
    if (value === 0) this.#countAside(slot, -1);
    Atomics.add(this.#setAsideChanges, 0, 1);
  }

  /** Whether no endpoint is set aside, by anybody. */
  get nothingAside(): boolean {
    return this.#setAsideChanges[1] === 0;
  }

  #countAside(slot: number, rows: number): void {
    Atomics.add(this.#asideRows, slot, rows);
    Atomics.add(this.#setAsideChanges, 1, rows);
  }

  /** @returns a number that differs whenever {@link markAside} or {@link retireRow} has changed something. */
  get setAsideVersion(): number {
    return this.#setAsideChanges[0]!;
  }

  /**
   * Lets one worker ask an endpoint for its load out of band.
   *
   * @param rowStart the worker's.
   * @returns whether it may; false while another one does.
   */
  claimReports(rowStart: number, slot: number): boolean {
    return Atomics.compareExchange(this.#reportClaims, slot, 0, claimOf(rowStart)) === 0;
  }

  /** Ends what {@link claimReports} began; nothing when the claim is another worker's. */
  releaseReports(rowStart: number, slot: number): void {
    Atomics.compareExchange(this.#reportClaims, slot, claimOf(rowStart), 0);
  }

  /**
   * Forgets the former owner of a slot. To be called before a slot of a higher generation is first announced. Nothing is written where nothing
   * stands, as in {@link retireRow}: what a thousand services replace would take 350 octets each for good.
   */
  clearSlot(slot: number): void {
    for (let worker = 0; worker < this.#workerCount; worker++) {
      const cell = this.rowStart(worker) + slot;
      if (this.inFlight[cell] !== 0) this.inFlight[cell] = 0;
      if (this.requests[cell] !== 0) this.requests[cell] = 0;
      if (this.errors[cell] !== 0) this.errors[cell] = 0;
      if (this.setAside[cell] !== 0) this.setAside[cell] = 0;
    }
    const own = this.mainRowStart + slot;
    if (this.setAside[own] !== 0) this.setAside[own] = 0;
    if (this.#asideRows[slot] !== 0) this.#countAside(slot, -this.#asideRows[slot]!);
    if (this.#reportClaims[slot] !== 0) this.#reportClaims[slot] = 0;
    this.measures.clear(slot);
    this.latencies.clear(slot);
  }

  /** Clears what a dead worker had open; its totals stay. */
  retireRow(worker: number): void {
    const rowStart = this.rowStart(worker);
    const claim = claimOf(rowStart);
    // Nothing is written where nothing stands: memory that was never written to takes none.
    for (let slot = 0; slot < MAX_ENDPOINT_SLOTS; slot++) {
      const cell = rowStart + slot;
      if (this.inFlight[cell] !== 0) this.inFlight[cell] = 0;
      if (this.#reportClaims[slot] === claim) this.releaseReports(rowStart, slot);
      if (this.setAside[cell] === 0) continue;
      this.setAside[cell] = 0;
      this.#countAside(slot, -1);
    }
    Atomics.add(this.#setAsideChanges, 0, 1);
    this.measures.retireRow(worker);
  }

  #sum(cells: Int32Array | Float64Array, slot: number): number {
    let sum = 0;
    for (let cell = slot; cell < cells.length; cell += MAX_ENDPOINT_SLOTS) sum += cells[cell]!;
    return sum;
  }
}

function claimOf(rowStart: number): number {
  return rowStart / MAX_ENDPOINT_SLOTS + 1;
}
