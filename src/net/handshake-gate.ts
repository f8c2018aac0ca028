/** A dial that waits for its turn, or is having it. */
export interface GateEntry {
  /** Its turn has come. */
  enter(): void;
}

/**
 * Lets a bounded number of TLS handshakes go on at once: each keeps the loop busy for a millisecond or so, and 200 endpoints that
 * come back together must not stall the streams of others for as long.
 */
export class HandshakeGate {
  readonly #limit: number;
  readonly #waiting = new Set<GateEntry>();
  readonly #inside = new Set<GateEntry>();

  /** @param limit handshakes at once, at least 1. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Handshakes going on. */
  get inside(): number {
    return this.#inside.size;
  }

  /** Dials that wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Calls `entry.enter` as soon as there is room, which may be at once; first come, first served. */
  ask(entry: GateEntry): void {
    if (this.#inside.size >= this.#limit) {
      this.#waiting.add(entry);
      return;
    }
    this.#inside.add(entry);
    entry.enter();
  }

  /** The entry is through, or has given up. Asked again, it changes nothing. */
  leave(entry: GateEntry): void {
    this.#waiting.delete(entry);
    if (!this.#inside.delete(entry)) return;
    for (const next of this.#waiting) {
      this.#waiting.delete(next);
      this.#inside.add(next);
      next.enter();
      return;
    }
  }
}
