/** The last answer for each interned authority: as long as neither the id nor the table has changed, it holds. */
export class RouteCache {
  readonly #generation: Int32Array;
  readonly #version: Int32Array;
  readonly #route: Int32Array;

  /** @param ids highest intern id plus 1. */
  constructor(ids: number) {
    this.#generation = new Int32Array(ids).fill(-1);
    this.#version = new Int32Array(ids);
    this.#route = new Int32Array(ids);
  }

  /** @returns the route kept for this id, or undefined when none is or it is out of date. */
  get(id: number, generation: number, version: number): number | undefined {
    if (this.#generation[id] !== generation || this.#version[id] !== version) return undefined;
    return this.#route[id];
  }

  /** Forgets all. */
  clear(): void {
    this.#generation.fill(-1);
  }

  set(id: number, generation: number, version: number, route: number): void {
    this.#generation[id] = generation;
    this.#version[id] = version;
    this.#route[id] = route;
  }
}
