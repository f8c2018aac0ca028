const utf8 = new TextEncoder();
/** Octets that one UTF-16 unit becomes at most. */
const MAX_OCTETS_PER_UNIT = 3;
const FIRST_OCTETS = 4096;

/** The strings at the end of a snapshot, collected while their places are written into the words before them. */
export class StringArea {
  readonly start: number;
  #octets = new Uint8Array(FIRST_OCTETS);
  #used = 0;
  readonly #shared = new Map<string, readonly [offset: number, length: number]>();

  /** @param startOctet where the strings will begin. */
  constructor(startOctet: number) {
    this.start = startOctet;
  }

  /** Where they end. */
  get end(): number {
    return this.start + this.#used;
  }

  /** Takes a string. @param offsetWord, lengthWord where of `words` it is said where it lies and how long it is. */
  append(text: string, words: Int32Array, offsetWord: number, lengthWord: number): void {
    const most = this.#used + text.length * MAX_OCTETS_PER_UNIT;
    if (most > this.#octets.length) {
      const larger = new Uint8Array(Math.max(most, this.#octets.length * 2));
      larger.set(this.#octets);
      this.#octets = larger;
    }
    const { written } = utf8.encodeInto(text, this.#octets.subarray(this.#used));
    words[offsetWord] = this.end;
    words[lengthWord] = written;
    this.#used += written;
  }

  /** As {@link append}, for strings that many have: equal ones lie there once. */
  appendShared(text: string, words: Int32Array, offsetWord: number, lengthWord: number): void {
    const known = this.#shared.get(text);
    if (known === undefined) {
      this.append(text, words, offsetWord, lengthWord);
      this.#shared.set(text, [words[offsetWord]!, words[lengthWord]!]);
      return;
    }
    [words[offsetWord], words[lengthWord]] = known;
  }

  copyTo(octets: Uint8Array): void {
    octets.set(this.#octets.subarray(0, this.#used), this.start);
  }
}
