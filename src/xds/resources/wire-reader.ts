/** What is read is no protobuf message: a field is cut off, or has a form that proto3 does not know. */
export class WireError extends Error {
  override readonly name = "WireError";
}

/** A varint of 64 bits has ten octets at most. */
const MAX_VARINT_SHIFT = 63;
const WIRE_NAMES = ["a varint", "eight octets", "a length", "a group", "the end of a group", "four octets"];

/**
 * Walks over the fields of a protobuf message where it lies: {@link next}, then what {@link field} asks for, and into nested messages
 * by {@link enter} and {@link leave}. It makes no object per field, so that a list of 10,000 endpoints costs its strings and nothing else.
 *
 * Methods throw {@link WireError}; whoever reads what a peer sent catches it.
 */
export class WireReader {
  /** Number of the present field. */
  field = 0;
  readonly #bytes: Buffer;
  #at: number;
  #end: number;
  #wireType = 0;
  /** Ends of the messages around the present one. */
  readonly #ends: number[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
    this.#end = bytes.byteLength;
  }

  /** Goes to the next field; the one before has been read or skipped. @returns false at the end of the message. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const tag = this.#readVarint();
    this.field = Math.floor(tag / 8);
    this.#wireType = tag % 8;
    if (this.field === 0) throw new WireError("found field number 0");
    return true;
  }

  /** Goes into the nested message that the present field is; {@link leave} must follow when {@link next} has said false. */
  enter(): void {
    const length = this.#length();
    this.#ends.push(this.#end);
    this.#end = this.#at + length;
  }

  /** Goes on behind the nested message. */
  leave(): void {
    this.#at = this.#end;
    this.#end = this.#ends.pop()!;
  }

  /** @returns the present field as a whole number; above 2^53 it is not exact. Booleans and enums are such numbers. */
  number(): number {
    this.#expect(0);
    return this.#readVarint();
  }

  /** @returns the number in a wrapper message such as UInt32Value; 0 where it is empty. */
  wrapped(): number {
    this.enter();
    let value = 0;
    while (this.next()) {
      if (this.field === 1) value = this.number();
      else this.skip();
    }
    this.leave();
    return value;
  }

  double(): number {
    this.#expect(1);
    if (this.#at + 8 > this.#end) throw new WireError("eight octets are cut off");
    const value = this.#bytes.readDoubleLE(this.#at);
    this.#at += 8;
    return value;
  }

  string(): string {
    const length = this.#length();
    const from = this.#at;
    this.#at += length;
    return this.#bytes.toString("utf8", from, this.#at);
  }

  /** @returns the present field's octets, not copied. */
  octets(): Buffer {
    const length = this.#length();
    const from = this.#at;
    this.#at += length;
    return this.#bytes.subarray(from, this.#at);
  }

  /** Leaves the present field unread. */
  skip(): void {
    switch (this.#wireType) {
      case 0:
        this.#readVarint();
        return;
      case 1:
        this.#at += 8;
        break;
      case 2: {
        const length = this.#length();
        this.#at += length;
        return;
      }
      case 5:
        this.#at += 4;
        break;
      default:
        throw new WireError(`field ${this.field}: found ${WIRE_NAMES[this.#wireType] ?? "an unknown form"}`);
    }
    if (this.#at > this.#end) throw new WireError(`field ${this.field} is cut off`);
  }

  /** @returns the length of the present field's octets, which begin where reading goes on. */
  #length(): number {
    this.#expect(2);
    const length = this.#readVarint();
    if (this.#at + length > this.#end) throw new WireError(`field ${this.field} is cut off`);
    return length;
  }

  #expect(wireType: number): void {
    if (this.#wireType === wireType) return;
    const found = WIRE_NAMES[this.#wireType] ?? "an unknown form";
    throw new WireError(`field ${this.field}: found ${found}, wanted ${WIRE_NAMES[wireType]}`);
  }

  #readVarint(): number {
    const bytes = this.#bytes;
    let value = 0;
    let scale = 1;
    for (let shift = 0; shift <= MAX_VARINT_SHIFT && this.#at < this.#end; shift += 7) {
      const octet = bytes[this.#at++]!;
      value += (octet & 0x7f) * scale;
      if (octet < 0x80) return value;
      scale *= 128;
    }
    throw new WireError("a number is cut off or too long");
  }
}
