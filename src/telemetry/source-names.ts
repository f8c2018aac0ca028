/** Source of requests of callers that are not known. */
export const UNKNOWN_SOURCE = 0;
/** Source of all namespaces that there was no number left for. */
export const OTHER_SOURCE = 4095;

/** Label value of {@link UNKNOWN_SOURCE}. */
export const UNKNOWN_NAME = "unknown";
/** Label value of {@link OTHER_SOURCE}. */
const OTHER_NAME = "other";

/**
 * Numbers of the namespaces that callers are in, for counters. Unlike classes of callers (255, given back with a namespace's last pod) a number stays
 * its namespace's as long as the process lives, so that a total never changes its name.
 */
export class SourceNames {
  /** A namespace may be called like those that are not told apart: two series of one name cannot be. */
  readonly #numbers = new Map([
    [UNKNOWN_NAME, UNKNOWN_SOURCE],
    [OTHER_NAME, OTHER_SOURCE],
  ]);
  /** By number. */
  readonly #names: string[] = [UNKNOWN_NAME];

  /** @returns 1 to 4,094, or {@link OTHER_SOURCE}. */
  numberOf(namespace: string): number {
    const known: number | undefined = this.#numbers.get(namespace);
    if (known !== undefined) return known;
    const number = this.#names.length;
    if (number >= OTHER_SOURCE) return OTHER_SOURCE;
    this.#numbers.set(namespace, number);
    this.#names.push(namespace);
    return number;
  }

  /** @returns the namespace that has the number; `other` for one that none has. */
  nameOf(source: number): string {
    return this.#names[source] ?? OTHER_NAME;
  }
}
