import type { RequestNames } from "../authorities/request-names.ts";
import type { KnownName } from "./known-name.ts";

/** A request's names with another authority. One per worker: it holds for the request at hand. */
export class RenamedRequest implements RequestNames {
  readonly #bytes: Uint8Array;
  #request!: RequestNames;
  #name!: KnownName;

  /** @param bytes the slab. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** @returns itself. */
  of(request: RequestNames, name: KnownName): this {
    this.#request = request;
    this.#name = name;
    return this;
  }

  readonly hasAuthority = true;

  get authorityIntern(): number {
    return this.#name.intern;
  }

  get authorityLength(): number {
    return this.#name.octets.length;
  }

  readAuthority(out: number): number {
    this.#bytes.set(this.#name.octets, out);
    return this.#name.octets.length;
  }

  get pathIntern(): number {
    return this.#request.pathIntern;
  }

  get pathLength(): number {
    return this.#request.pathLength;
  }

  readPath(out: number): number {
    return this.#request.readPath(out);
  }

  get timeoutMs(): number {
    return this.#request.timeoutMs;
  }

  get previousAttempts(): number {
    return this.#request.previousAttempts;
  }

  get outLiteralOctets(): number {
    return this.#request.outLiteralOctets;
  }

  get listOctets(): number {
    return this.#request.listOctets;
  }
}
