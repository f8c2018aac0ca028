/** A response that has not been answered yet. */
export interface Unanswered {
  /** The version of the whole response; "" in delta, where each resource has its own. */
  readonly version: string;
  /** What it had in it; a removed one has no version. */
  readonly resources: ReadonlyMap<string, string>;
  /** On a monotonic clock. */
  readonly sentAtMs: number;
}

/** Responses that wait for their answers, mostly none or one: a Map that is emptied all the time would be made anew all the time. */
export class UnansweredList {
  readonly #nonces: string[] = [];
  readonly #responses: Unanswered[] = [];

  get size(): number {
    return this.#nonces.length;
  }

  add(nonce: string, response: Unanswered): void {
    this.#nonces.push(nonce);
    this.#responses.push(response);
  }

  /** @returns the response, which waits no more; undefined if none waits by this nonce. */
  take(nonce: string): Unanswered | undefined {
    const at = this.#nonces.indexOf(nonce);
    if (at < 0) return undefined;
    const response = this.#responses[at];
    this.#nonces.splice(at, 1);
    this.#responses.splice(at, 1);
    return response;
  }

  [Symbol.iterator](): IterableIterator<Unanswered> {
    return this.#responses[Symbol.iterator]();
  }
}
