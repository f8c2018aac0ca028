const INITIAL_CAPACITY = 64;

/** The route of an authority that is not known. */
export const NO_ROUTE = -1;

/**
 * From the octets of an authority to a number (a cluster slot), without making a string: a hash table over the octets.
 * Authorities compare without regard to ASCII case (RFC 3986 §3.2.2). A cluster's own name counts before an alias.
 *
 * `version` changes with each change, so that callers may keep answers beside what they looked up. A change costs the names it is
 * about, not those there are: a control plane brings names one by one, while requests are served.
 */
export class AuthorityTable {
  version = 1;
  #names: (Buffer | undefined)[] = new Array<Buffer | undefined>(INITIAL_CAPACITY);
  #values = new Int32Array(INITIAL_CAPACITY);
  #size = 0;
  readonly #byName = new Map<string, number>();
  /** undefined as long as there were none. */
  #aliases: Map<string, number> | undefined;

  /** Adds or replaces a route. */
  set(authority: string, value: number): void {
    const name = authority.toLowerCase();
    this.#byName.set(name, value);
    this.#update(name);
  }

  /** Removes a route; no effect when there is none. */
  delete(authority: string): void {
    const name = authority.toLowerCase();
    if (this.#byName.delete(name)) this.#update(name);
  }

  /** Adds or replaces one more name for a route. */
  setAlias(authority: string, value: number): void {
    const name = authority.toLowerCase();
    this.#aliases ??= new Map();
    this.#aliases.set(name, value);
    this.#update(name);
  }

  /** Removes an alias; no effect when there is none. */
  deleteAlias(authority: string): void {
    const name = authority.toLowerCase();
    if (this.#aliases?.delete(name) === true) this.#update(name);
  }

  /** Names in lower case with their values, in no order that means anything. */
  get entries(): Iterable<readonly [string, number]> {
    return this.#aliases === undefined ? this.#byName : new Map([...this.#aliases, ...this.#byName]);
  }

  /** As {@link lookup}, for a name that is a string already. */
  find(authority: string): number {
    const name = authority.toLowerCase();
    return this.#byName.get(name) ?? this.#aliases?.get(name) ?? NO_ROUTE;
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

  /** Makes what is looked up equal to what is known of a name. */
  #update(name: string): void {
    this.version++;
    const value = this.find(name);
    const octets = Buffer.from(name, "latin1");
    const mask = this.#names.length - 1;
    let at = hash(octets, 0, octets.length) & mask;
    while (this.#names[at] !== undefined && !this.#names[at]!.equals(octets)) at = (at + 1) & mask;
    const isListed = this.#names[at] !== undefined;
    if (value === NO_ROUTE) {
      if (isListed) this.#remove(at);
      return;
    }
    this.#values[at] = value;
    if (isListed) return;
    this.#names[at] = octets;
    if (++this.#size * 2 > this.#names.length) this.#grow();
  }

  /** Closes the gap, so that every name is found from the place its hash says on. */
  #remove(place: number): void {
    const mask = this.#names.length - 1;
    this.#size--;
    let gap = place;
    for (let at = (place + 1) & mask; this.#names[at] !== undefined; at = (at + 1) & mask) {
      const name = this.#names[at]!;
      const home = hash(name, 0, name.length) & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      this.#names[gap] = name;
      this.#values[gap] = this.#values[at]!;
      gap = at;
    }
    this.#names[gap] = undefined;
  }

  #grow(): void {
    const names = this.#names;
    const values = this.#values;
    const mask = names.length * 2 - 1;
    this.#names = new Array<Buffer | undefined>(mask + 1);
    this.#values = new Int32Array(mask + 1);
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      if (name === undefined) continue;
      let at = hash(name, 0, name.length) & mask;
      while (this.#names[at] !== undefined) at = (at + 1) & mask;
      this.#names[at] = name;
      this.#values[at] = values[i]!;
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
