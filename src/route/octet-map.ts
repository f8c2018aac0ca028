import { hashOctets } from "../base/hash-octets.ts";

const INITIAL_CAPACITY = 8;

/** What {@link OctetMap.find} returns for octets that are not in it. */
export const NOT_FOUND = -1;

/** From strings of octets to small numbers, looked up where the octets lie: a hash table that makes no string. */
export class OctetMap {
  #keys: (Uint8Array | undefined)[] = new Array<Uint8Array | undefined>(INITIAL_CAPACITY);
  #values = new Int32Array(INITIAL_CAPACITY);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds a key or replaces its value. */
  set(key: Uint8Array, value: number): void {
    if ((this.#size + 1) * 2 > this.#keys.length) this.#grow();
    const at = this.#slotOf(key, 0, key.length);
    if (this.#keys[at] === undefined) this.#size++;
    this.#keys[at] = key;
    this.#values[at] = value;
  }

  /** @returns the value of the octets at `offset`, or {@link NOT_FOUND}. */
  find(bytes: Uint8Array, offset: number, length: number): number {
    const at = this.#slotOf(bytes, offset, length);
    return this.#keys[at] === undefined ? NOT_FOUND : this.#values[at]!;
  }

  /** @returns where the key is, or would be. */
  #slotOf(bytes: Uint8Array, offset: number, length: number): number {
    const mask = this.#keys.length - 1;
    for (let at = hashOctets(bytes, offset, length) & mask; ; at = (at + 1) & mask) {
      const key = this.#keys[at];
      if (key === undefined || equalOctets(key, bytes, offset, length)) return at;
    }
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    this.#keys = new Array<Uint8Array | undefined>(keys.length * 2);
    this.#values = new Int32Array(keys.length * 2);
    for (const [i, key] of keys.entries()) {
      if (key === undefined) continue;
      const at = this.#slotOf(key, 0, key.length);
      this.#keys[at] = key;
      this.#values[at] = values[i]!;
    }
  }
}

/** @returns whether the octets at `offset` are these. */
export function equalOctets(key: Uint8Array, bytes: Uint8Array, offset: number, length: number): boolean {
  if (key.length !== length) return false;
  for (let i = 0; i < length; i++) if (key[i] !== bytes[offset + i]) return false;
  return true;
}
