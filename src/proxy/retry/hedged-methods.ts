import type { InternPool } from "../../h2/hpack/intern-pool.ts";

const SLASH = 0x2f;

/** The paths a request reader knows: the decoder of a connection. */
export interface PathSource {
  /** Intern id of `:path`, or 0. */
  readonly pathIntern: number;
  /** Decoded length of the path. */
  readonly pathLength: number;
  /** Decodes `:path` to `out`. @returns its length in octets. */
  readPath(out: number): number;
}

/** Which methods of a cluster may be asked twice. The answer for a path that clients intern, nearly all, costs two reads. */
export class HedgedMethods {
  readonly #methods: ReadonlySet<string>;
  readonly #services: ReadonlySet<string>;
  /** By intern id: the generation the answer below holds for. */
  #generation = new Int32Array(0);
  #hedged = new Uint8Array(0);

  /** @param patterns `/package.Service/Method`, or `/package.Service/*`. */
  constructor(patterns: readonly string[]) {
    this.#services = new Set(patterns.filter((each) => each.endsWith("/*")).map((each) => each.slice(0, -1)));
    this.#methods = new Set(patterns.filter((each) => !each.endsWith("/*")));
  }

  /** @param scratch slab memory that takes a path of up to 1 KiB; longer ones are not hedged. */
  includes(path: PathSource, pool: InternPool, bytes: Buffer, scratch: number): boolean {
    const id = path.pathIntern;
    if (id === 0) return this.#decide(path, bytes, scratch);
    const generation = pool.generation[id]!;
    if (id >= this.#generation.length) this.#grow(pool.generation.length);
    if (this.#generation[id] === generation) return this.#hedged[id] === 1;
    const hedged = this.#decide(path, bytes, scratch);
    this.#generation[id] = generation;
    this.#hedged[id] = hedged ? 1 : 0;
    return hedged;
  }

  #decide(path: PathSource, bytes: Buffer, scratch: number): boolean {
    if (path.pathLength === 0 || path.pathLength > 1024) return false;
    const end = scratch + path.readPath(scratch);
    const text = bytes.toString("latin1", scratch, end);
    if (this.#methods.has(text)) return true;
    const slash = bytes.lastIndexOf(SLASH, end - 1);
    return slash > scratch && this.#services.has(text.slice(0, slash - scratch + 1));
  }

  #grow(ids: number): void {
    const generation = new Int32Array(ids).fill(-1);
    generation.set(this.#generation);
    const hedged = new Uint8Array(ids);
    hedged.set(this.#hedged);
    this.#generation = generation;
    this.#hedged = hedged;
  }
}
