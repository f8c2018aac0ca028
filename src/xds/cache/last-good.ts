/**
 * Values that are made when somebody first asks for them. What is dropped is held until its successor has been made, and goes on in its place
 * if that fails.
 */
export class LastGood<Value> {
  /** undefined: it could not be made, and there was none before. */
  readonly #values = new Map<string, Value | undefined>();
  readonly #former = new Map<string, Value>();

  /** @param onFault told once, when it cannot be made. @returns undefined if it cannot and never could. */
  get(key: string, make: () => Value, onFault: (error: unknown) => void): Value | undefined {
    const known = this.#values.get(key);
    if (known !== undefined || this.#values.has(key)) return known;
    let value: Value | undefined;
    try {
      value = make();
    } catch (error) {
      onFault(error);
      value = this.#former.get(key);
    }
    this.#former.delete(key);
    this.#values.set(key, value);
    return value;
  }

  /** Those with this key, or a key that goes on after it with a space, are to be made anew. */
  drop(start: string): void {
    for (const [key, value] of this.#values) {
      if (key !== start && !key.startsWith(`${start} `)) continue;
      this.#values.delete(key);
      if (value !== undefined) this.#former.set(key, value);
    }
  }
}
