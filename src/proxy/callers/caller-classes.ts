/** Class of callers that are not told apart. */
export const NO_CLASS = 0;
/** The last class is for all namespaces that there is no class of their own for. */
export const SHARED_CLASS = 255;

/**
 * Which class of callers a namespace is: no connection to an endpoint has requests of two classes. Connections of a namespace's last pod may stand for a
 * while after it has gone, with streams, queues and turns under its number. So a number rests then: its namespace gets it back, and another one only when all numbers
 * are somebody's or rest, the longest rested first.
 */
export class CallerClasses {
  readonly #numbers = new Map<string, number>();
  /** Numbers of namespaces that have no pods here, the longest without first. */
  readonly #resting = new Map<string, number>();
  #unused = 1;

  /** @returns 1 to 255; 0 for a namespace that was not among the last ones of {@link keep}. */
  of(namespace: string): number {
    return this.#numbers.get(namespace) ?? NO_CLASS;
  }

  /**
   * These namespaces, and no others, have pods here now.
   *
   * @returns the classes that nobody is in any more, or others than before: connections to endpoints of theirs are nobody's.
   */
  keep(namespaces: ReadonlySet<string>): readonly number[] {
    const left = new Set<number>();
    for (const [namespace, number] of this.#numbers) {
      if (namespaces.has(namespace)) continue;
      this.#numbers.delete(namespace);
      left.add(number);
      if (number !== SHARED_CLASS) this.#resting.set(namespace, number);
    }
    for (const namespace of namespaces) {
      if (this.#numbers.has(namespace)) continue;
      const number = this.#numberFor(namespace, left);
      this.#numbers.set(namespace, number);
    }
    for (const number of this.#numbers.values()) if (number === SHARED_CLASS) left.delete(number);
    return [...left];
  }

  #numberFor(namespace: string, left: Set<number>): number {
    const own = this.#resting.get(namespace);
    if (own !== undefined) {
      this.#resting.delete(namespace);
      return own;
    }
    if (this.#unused < SHARED_CLASS) return this.#unused++;
    for (const [former, number] of this.#resting) {
      this.#resting.delete(former);
      left.add(number);
      return number;
    }
    return SHARED_CLASS;
  }
}
