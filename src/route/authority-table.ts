const INITIAL_CAPACITY = 64;

/** The route of an authority that is not known. */
export const NO_ROUTE = -1;

/**
 * From the octets of an authority to a number (a cluster slot), without making a string: a hash table over the octets.
 * Authorities compare without regard to ASCII case (RFC 3986 §3.2.2).
 *
 * `version` changes with each change, so that callers may keep answers beside what they looked up.
 */
export class AuthorityTable {
  version = 1;
  #names: (Buffer | undefined)[] = new Array<Buffer | undefined>(INITIAL_CAPACITY);
  #values = new Int32Array(INITIAL_CAPACITY);
  #size = 0;
  readonly #byName = new Map<string, number>();

  /** Adds or replaces a route. */
  set(authority: string, value: number): void {
    this.#byName.set(authority.toLowerCase(), value);
    this.#rebuild();
  }

  /** Removes a route; no effect when there is none. */
  delete(authority: string): void {
    if (this.#byName.delete(authority.toLowerCase())) this.#rebuild();
  }

  /** Names in lower case with their values, in no order that means anything. */
  get entries(): Iterable<readonly [string, number]> {
    return this.#byName;
  }

  /** As {@link lookup}, for a name that is a string already. */
  find(authority: string): number {
    return this.#byName.get(authority.toLowerCase()) ?? NO_ROUTE;
  }

  /** @returns the value for the authority at `offset`, or {@link NO_ROUTE}. */
  lookup(bytes: Uint8Array, offset: number, length: number): number {
    const mask = this.#names.length - 1;
    for (let at = hash(bytes, offset, length) & mask; ; at = (at + 1) & mask) {
      const name = this.#names[at];
      if (name === undefined) return NO_ROUTE;
      if (name.length === length && equals(name, bytes, offset)) return this.#values[at]!;
    }
  }

  /** Changes are rare, look-ups are not: every change builds the table anew. */
  #rebuild(): void {
    this.version++;
    this.#size = this.#byName.size;
    let capacity = INITIAL_CAPACITY;
    while (capacity < this.#size * 2) capacity *= 2;
    this.#names = new Array<Buffer | undefined>(capacity);
    this.#values = new Int32Array(capacity);
    for (const [name, value] of this.#byName) {
      const octets = Buffer.from(name, "latin1");
      let at = hash(octets, 0, octets.length) & (capacity - 1);
      while (this.#names[at] !== undefined) at = (at + 1) & (capacity - 1);
      this.#names[at] = octets;
      this.#values[at] = value;
    }
  }
}

function lower(octet: number): number {
  return octet >= 65 && octet <= 90 ? octet + 32 : octet;
}

/** FNV-1a over lower-cased octets. */
function hash(bytes: Uint8Array, offset: number, length: number): number {
  let value = 0x811c9dc5;
  for (let i = offset; i < offset + length; i++) value = Math.imul(value ^ lower(bytes[i]!), 0x01000193);
  return value >>> 1;
}

function equals(name: Uint8Array, bytes: Uint8Array, offset: number): boolean {
  for (let i = 0; i < name.length; i++) if (name[i] !== lower(bytes[offset + i]!)) return false;
  return true;
}
