import { decodeHuffman } from "../../h2/hpack/huffman.ts";
import { STATIC_ENTRIES, staticName, staticValue } from "../../h2/hpack/static-table.ts";

type Field = readonly [name: string, value: string];

const MOST_TABLE_OCTETS = 4096;

/**
 * Reads header blocks (RFC 7541) of one connection and direction. Small and slow: for a few requests a second, in a process
 * that has no room for node:http2 (9 MB).
 */
export class FieldReader {
  #dynamic: Field[] = [];
  #tableOctets = 0;
  #mostOctets = MOST_TABLE_OCTETS;
  #block: Uint8Array = new Uint8Array(0);
  #at = 0;

  /**
   * @returns the block's fields, the last of a name counts; undefined when the block is broken, after which the connection is
   * of no use.
   */
  read(block: Uint8Array): ReadonlyMap<string, string> | undefined {
    this.#block = block;
    this.#at = 0;
    const fields = new Map<string, string>();
    try {
      while (this.#at < block.length) {
        const field = this.#next(block[this.#at]!);
        if (field !== undefined) fields.set(field[0], field[1]);
      }
    } catch {
      return undefined;
    }
    return fields;
  }

  #next(first: number): Field | undefined {
    if (first >= 0x80) return this.#entry(this.#integer(7));
    if (first >= 0x20 && first < 0x40) {
      this.#mostOctets = Math.min(this.#integer(5), MOST_TABLE_OCTETS);
      this.#evict();
      return undefined;
    }
    const isKept = first >= 0x40;
    const index = this.#integer(isKept ? 6 : 4);
    const name = index === 0 ? this.#text() : this.#entry(index)[0];
    const field: Field = [name, this.#text()];
    if (isKept) {
      this.#dynamic.unshift(field);
      this.#tableOctets += fieldOctets(field);
      this.#evict();
    }
    return field;
  }

  #entry(index: number): Field {
    if (index >= 1 && index <= STATIC_ENTRIES) return [staticName(index), staticValue(index)];
    const field = this.#dynamic[index - STATIC_ENTRIES - 1];
    if (field === undefined) throw new RangeError(`no entry ${index}`);
    return field;
  }

  #integer(bits: number): number {
    const mask = (1 << bits) - 1;
    let value = this.#octet() & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const octet = this.#octet();
      value += (octet & 0x7f) << shift;
      if (octet < 0x80) return value;
    }
    throw new RangeError("integer too long");
  }

  #text(): string {
    const isCoded = (this.#block[this.#at] ?? 0) >= 0x80;
    const length = this.#integer(7);
    const end = this.#at + length;
    if (end > this.#block.length) throw new RangeError("string too long");
    let text = Buffer.from(this.#block.subarray(this.#at, end));
    if (isCoded) {
      const room = Buffer.alloc(length * 3);
      room.set(text);
      const octets = decodeHuffman(room, 0, length, length);
      if (octets < 0) throw new RangeError("broken Huffman code");
      text = room.subarray(length, length + octets);
    }
    this.#at = end;
    return text.toString("latin1");
  }

  #octet(): number {
    const octet = this.#block[this.#at++];
    if (octet === undefined) throw new RangeError("block too short");
    return octet;
  }

  #evict(): void {
    while (this.#tableOctets > this.#mostOctets) this.#tableOctets -= fieldOctets(this.#dynamic.pop()!);
  }
}

function fieldOctets([name, value]: Field): number {
  return name.length + value.length + 32;
}
