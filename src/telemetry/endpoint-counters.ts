import { MAX_ENDPOINT_SLOTS } from "../resource/slot-registry.ts";

/** The shared memory of {@link EndpointCounters}, as sent to workers. */
export interface EndpointCounterBuffers {
  readonly inFlight: SharedArrayBuffer;
  readonly requests: SharedArrayBuffer;
  readonly errors: SharedArrayBuffer;
  readonly setAside: SharedArrayBuffer;
}

/**
 * What is counted about endpoints, for the whole process: by worker row and endpoint slot. A worker writes its own row
 * only; {@link setAside} is one word per slot that any worker writes and all read.
 */
export class EndpointCounters {
  readonly buffers: EndpointCounterBuffers;
  /** Streams open now; cell of (worker, slot) is {@link rowStart}(worker) + slot, as for all rows here. */
  readonly inFlight: Int32Array;
  /** Attempts begun. */
  readonly requests: Float64Array;
  /** Attempts ended by a connection error, a reset, or a status that says the endpoint is at fault. */
  readonly errors: Float64Array;
  /** 0: in use. Otherwise set aside; the worker that set it clears it. By slot. */
  readonly setAside: Int32Array;

  readonly #workerCount: number;

  /** @param buffers the memory of the one on the main thread; default: new, all zero. */
  constructor(workerCount: number, buffers?: EndpointCounterBuffers) {
    const cells = workerCount * MAX_ENDPOINT_SLOTS;
    this.buffers = buffers ?? {
      inFlight: new SharedArrayBuffer(cells * 4),
      requests: new SharedArrayBuffer(cells * 8),
      errors: new SharedArrayBuffer(cells * 8),
      setAside: new SharedArrayBuffer(MAX_ENDPOINT_SLOTS * 4),
    };
    this.inFlight = new Int32Array(this.buffers.inFlight);
    this.requests = new Float64Array(this.buffers.requests);
    this.errors = new Float64Array(this.buffers.errors);
    this.setAside = new Int32Array(this.buffers.setAside);
    this.#workerCount = workerCount;
  }

  /** @returns where the row of a worker starts in {@link inFlight}, {@link requests} and {@link errors}. */
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

  /** Forgets the former owner of a slot. To be called before a slot of a higher generation is first announced. */
  clearSlot(slot: number): void {
    for (let worker = 0; worker < this.#workerCount; worker++) {
      const cell = this.rowStart(worker) + slot;
      this.inFlight[cell] = 0;
      this.requests[cell] = 0;
      this.errors[cell] = 0;
    }
    this.setAside[slot] = 0;
  }

  /** Clears what a dead worker had open; its totals stay. */
  retireRow(worker: number): void {
    this.inFlight.fill(0, this.rowStart(worker), this.rowStart(worker + 1));
  }

  #sum(cells: Int32Array | Float64Array, slot: number): number {
    let sum = 0;
    for (let cell = slot; cell < cells.length; cell += MAX_ENDPOINT_SLOTS) sum += cells[cell]!;
    return sum;
  }
}
