import assert from "node:assert/strict";
import type { Slab } from "../../src/base/slab.ts";
import type { Output, OutputPort } from "../../src/h2/output.ts";

interface KeptWrite {
  readonly offset: number;
  readonly octets: Buffer;
}

/**
 * Collects what an `Output` writes. A write that is kept stands for one that the kernel did not take at once: until
 * {@link release}, its octets must not change.
 */
export class OctetPort implements OutputPort {
  /** Decides for each write whether it is kept. */
  keeps: () => boolean = () => false;
  output!: Output;
  readonly #slab: Slab;
  readonly #kept: KeptWrite[] = [];
  #taken: Buffer[] = [];

  constructor(slab: Slab) {
    this.#slab = slab;
  }

  get keptWrites(): number {
    return this.#kept.length;
  }

  write(offset: number, length: number): boolean {
    assert.ok(length > 0, "an empty write");
    const octets = Buffer.from(this.#slab.bytes.subarray(offset, offset + length));
    // Order holds: behind a write that was kept, all are.
    if (this.#kept.length > 0 || this.keeps()) {
      this.#kept.push({ offset, octets });
      return false;
    }
    this.#taken.push(octets);
    return true;
  }

  /** Lets the oldest kept write leave. */
  release(): void {
    const oldest = this.#kept.shift();
    if (oldest === undefined) return;
    const { offset, octets } = oldest;
    const now = this.#slab.bytes.subarray(offset, offset + octets.length);
    assert.ok(octets.equals(now), "octets of a kept write have changed");
    this.#taken.push(octets);
    this.output.released();
  }

  /** @returns what has left since the last call. */
  take(): Buffer {
    const taken = Buffer.concat(this.#taken);
    this.#taken = [];
    return taken;
  }
}
