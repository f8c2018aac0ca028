/**
 * Adds versions up so that neither order nor grouping counts: equal sets of resources have equal sums, in every process and whatever way they
 * came about.
 */
export class CombinedVersion {
  #high = 0;
  #low = 0;

  /** @param version 16 hexadecimal digits, as of an EncodedResource; of another form it counts as none. */
  add(version: string): this {
    return this.#change(version, 1);
  }

  subtract(version: string): this {
    return this.#change(version, -1);
  }

  toString(): string {
    return hex(this.#high) + hex(this.#low);
  }

  #change(version: string, sign: 1 | -1): this {
    this.#high = (this.#high + sign * Number.parseInt(version.slice(0, 8), 16)) >>> 0;
    this.#low = (this.#low + sign * Number.parseInt(version.slice(8, 16), 16)) >>> 0;
    return this;
  }
}

function hex(word: number): string {
  return word.toString(16).padStart(8, "0");
}
