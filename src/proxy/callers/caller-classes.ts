/** Class of callers that are not told apart. */
export const NO_CLASS = 0;
/** The last class is for all namespaces that there is no class of their own for. */
const LAST_CLASS = 255;

/** Which class of callers a namespace is: no connection to an endpoint has requests of two classes. */
export class CallerClasses {
  readonly #numbers = new Map<string, number>();
  readonly #used = new Set<number>();

  /** @returns 1 to 255. */
  of(namespace: string): number {
    const known = this.#numbers.get(namespace);
    if (known !== undefined) return known;
    let number = 1;
    while (number < LAST_CLASS && this.#used.has(number)) number++;
    this.#numbers.set(namespace, number);
    this.#used.add(number);
    return number;
  }

  /** Only these namespaces have pods here now. @returns the classes that nobody is in any more: another namespace may get them. */
  keep(namespaces: ReadonlySet<string>): readonly number[] {
    const left = new Set<number>();
    for (const [namespace, number] of this.#numbers) {
      if (namespaces.has(namespace)) continue;
      this.#numbers.delete(namespace);
      left.add(number);
    }
    for (const number of this.#numbers.values()) left.delete(number);
    for (const number of left) this.#used.delete(number);
    return [...left];
  }
}
