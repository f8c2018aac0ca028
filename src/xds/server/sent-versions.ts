import { CombinedVersion } from "./combined-version.ts";

/** Versions of the resources that a client holds, and, where that is wanted, of all of them together. */
export class SentVersions {
  readonly #versions = new Map<string, string>();
  #combined: CombinedVersion | undefined;

  /** @param summed whether {@link combined} will be asked for. */
  constructor(summed: boolean) {
    this.#combined = summed ? new CombinedVersion() : undefined;
  }

  get size(): number {
    return this.#versions.size;
  }

  /** Of everything held. */
  get combined(): string {
    return this.#combined?.toString() ?? "";
  }

  get(name: string): string | undefined {
    return this.#versions.get(name);
  }

  set(name: string, version: string): void {
    if (this.#combined !== undefined) {
      const former = this.#versions.get(name);
      if (former !== undefined) this.#combined.subtract(former);
      this.#combined.add(version);
    }
    this.#versions.set(name, version);
  }

  /** @returns whether it was held. */
  delete(name: string): boolean {
    const version = this.#versions.get(name);
    if (version === undefined) return false;
    this.#versions.delete(name);
    this.#combined?.subtract(version);
    return true;
  }

  clear(): void {
    this.#versions.clear();
    if (this.#combined !== undefined) this.#combined = new CombinedVersion();
  }

  names(): IterableIterator<string> {
    return this.#versions.keys();
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.#versions[Symbol.iterator]();
  }
}
