const FIRST_ROOM = 4096;

/** The requests under way, as columns by a small number that is used again. */
export class RequestTable {
  /** Who sent it. */
  caller = new Int32Array(FIRST_ROOM);
  /** Slot of the endpoint it is at. */
  endpoint = new Int32Array(FIRST_ROOM);
  /** When it arrived at its proxy, in ms. */
  startedMs = new Float64Array(FIRST_ROOM);
  /** How long it takes a server of speed 1, in ms. */
  serviceMs = new Float64Array(FIRST_ROOM);
  /** Load of the endpoint when it had answered, as it says itself: requests per server. */
  reported = new Float64Array(FIRST_ROOM);
  /** The next one in its endpoint's queue, or -1. */
  next = new Int32Array(FIRST_ROOM);
  /** 1 for an answer that is an error. */
  failed = new Uint8Array(FIRST_ROOM);

  #used = 0;
  #free = -1;

  /** @returns a number for a new request. */
  take(): number {
    if (this.#free >= 0) {
      const request = this.#free;
      this.#free = this.next[request]!;
      return request;
    }
    if (this.#used === this.caller.length) this.#grow();
    return this.#used++;
  }

  release(request: number): void {
    this.next[request] = this.#free;
    this.#free = request;
  }

  #grow(): void {
    const room = this.caller.length * 2;
    this.caller = copied(this.caller, new Int32Array(room));
    this.endpoint = copied(this.endpoint, new Int32Array(room));
    this.startedMs = copied(this.startedMs, new Float64Array(room));
    this.serviceMs = copied(this.serviceMs, new Float64Array(room));
    this.reported = copied(this.reported, new Float64Array(room));
    this.next = copied(this.next, new Int32Array(room));
    this.failed = copied(this.failed, new Uint8Array(room));
  }
}

function copied<T extends Int32Array | Float64Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
