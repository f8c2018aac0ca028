/** How a field's value is laid out. Source: protobuf, "Encoding". */
export const WireType = { varint: 0, fixed64: 1, length: 2, fixed32: 5 } as const;

/** A varint of 64 bits has ten octets at most. */
const MAX_VARINT_SHIFT = 63;

const doubleOctets = new Uint8Array(8);
const doubleView = new DataView(doubleOctets.buffer);

/**
 * Walks over the fields of one protobuf message, on octets and without objects: {@link next}, then what {@link field} and
 * {@link wireType} ask for. What is cut off or is no message makes it fail; groups, which proto3 does not have, too.
 */
export class ProtobufCursor {
  /** The number of the present field. */
  field = 0;
  wireType = 0;
  /** The message is not whole: nothing of it is to be used. */
  failed = false;
  /** The number of the map entry read last. */
  value = 0;
  #bytes: Uint8Array = doubleOctets;
  #at = 0;
  #end = 0;
  /** Where the present field's value starts and ends. */
  #from = 0;
  #to = 0;
  #varint = 0;
  #keyAt = 0;
  #keyLength = 0;

  begin(bytes: Uint8Array, offset: number, length: number): void {
    this.#bytes = bytes;
    this.#at = offset;
    this.#end = offset + length;
    this.failed = false;
  }

  /** Goes to the next field. @returns false at the end, and when the rest is not a message. */
  next(): boolean {
    if (this.failed || this.#at >= this.#end) return false;
    this.#at = this.#step(this.#at, this.#end);
    return !this.failed;
  }

  /** @returns the value of the present field, which is `fixed64`. */
  double(): number {
    return this.#double(this.#from);
  }

  /** Reads the present field as an entry of a map from string to double. @returns false when it is none: the cursor has failed. */
  entry(): boolean {
    this.value = 0;
    this.#keyAt = 0;
    this.#keyLength = 0;
    const end = this.#to;
    for (let at = this.#from; at < end && !this.failed; ) {
      at = this.#step(at, end);
      if (this.failed) break;
      if (this.field === 1 && this.wireType === WireType.length) {
        this.#keyAt = this.#from;
        this.#keyLength = this.#to - this.#from;
      } else if (this.field === 2 && this.wireType === WireType.fixed64) {
        this.value = this.#double(this.#from);
      }
    }
    return !this.failed;
  }

  /** @returns whether the entry read last has this key. */
  keyEquals(key: Uint8Array): boolean {
    if (key.length !== this.#keyLength) return false;
    for (let i = 0; i < key.length; i++) if (this.#bytes[this.#keyAt + i] !== key[i]) return false;
    return true;
  }

  /** Reads the head of the field at `at` and finds its value. @returns the offset of the next field. */
  #step(at: number, end: number): number {
    let pos = this.#readVarint(at, end);
    const tag = this.#varint;
    this.field = Math.floor(tag / 8);
    this.wireType = tag % 8;
    if (this.field === 0) this.failed = true;
    if (this.failed) return end;
    switch (this.wireType) {
      case WireType.varint:
        this.#from = pos;
        pos = this.#readVarint(pos, end);
        break;
      case WireType.fixed64:
        this.#from = pos;
        pos += 8;
        break;
      case WireType.length:
        pos = this.#readVarint(pos, end);
        this.#from = pos;
        pos += this.#varint;
        break;
      case WireType.fixed32:
        this.#from = pos;
        pos += 4;
        break;
      default:
        this.failed = true;
    }
    if (pos > end) this.failed = true;
    this.#to = pos;
    return pos;
  }

  /** @returns the offset after a varint, whose value is then in `#varint`; above 2^53 it is not exact. */
  #readVarint(at: number, end: number): number {
    let value = 0;
    let scale = 1;
    let pos = at;
    for (let shift = 0; shift <= MAX_VARINT_SHIFT && pos < end; shift += 7) {
      const octet = this.#bytes[pos++]!;
      value += (octet & 0x7f) * scale;
      if (octet < 0x80) {
        this.#varint = value;
        return pos;
      }
      scale *= 128;
    }
    this.failed = true;
    return end;
  }

  #double(at: number): number {
    for (let i = 0; i < 8; i++) doubleOctets[i] = this.#bytes[at + i]!;
    return doubleView.getFloat64(0, true);
  }
}
