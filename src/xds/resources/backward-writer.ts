/** What nothing has needed more than so far is kept for the next message. */
const FIRST_OCTETS = 65_536;
/** Beyond this the room of a large message is given back. */
const MOST_KEPT_OCTETS = 4 * 1_048_576;

/**
 * Writes a protobuf message from its end to its beginning, so that the length of what is nested is known when it is due: no object and no copy per
 * level. Fields therefore are written last one first.
 *
 * Source: Protocol Buffers, "Encoding".
 */
export class BackwardWriter {
  #room = Buffer.allocUnsafeSlow(FIRST_OCTETS);
  /** What lies behind it is written. */
  #at = FIRST_OCTETS;

  /** Octets written so far: what {@link message} needs to know from before the nested fields. */
  get written(): number {
    return this.#room.length - this.#at;
  }

  /** A number of at least 0 and below 2^32, even if it is 0. */
  number(field: number, value: number): void {
    this.#reserve(10);
    this.#varint(value);
    this.#varint(field * 8);
  }

  /** @param from, to the part of the text that is meant; default: all of it. */
  text(field: number, text: string, from = 0, to: number = text.length): void {
    this.#reserve((to - from) * 3 + 10);
    const room = this.#room;
    const end = this.#at;
    let at = end;
    for (let i = to - 1; i >= from; i--) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) {
        this.octets(field, Buffer.from(text.slice(from, to)));
        return;
      }
      room[--at] = code;
    }
    this.#at = at;
    this.#varint(end - at);
    this.#varint(field * 8 + 2);
  }

  octets(field: number, octets: Uint8Array): void {
    this.#reserve(octets.length + 10);
    this.#at -= octets.length;
    this.#room.set(octets, this.#at);
    this.#varint(octets.length);
    this.#varint(field * 8 + 2);
  }

  /** Closes a nested message. @param before what {@link written} was when its last field had not been written. */
  message(field: number, before: number): void {
    this.#reserve(10);
    this.#varint(this.written - before);
    this.#varint(field * 8 + 2);
  }

  /** @returns a copy of everything written, and begins anew. */
  finish(): Buffer {
    const octets = Buffer.allocUnsafeSlow(this.written);
    this.#room.copy(octets, 0, this.#at);
    if (this.#room.length > MOST_KEPT_OCTETS) this.#room = Buffer.allocUnsafeSlow(FIRST_OCTETS);
    this.#at = this.#room.length;
    return octets;
  }

  /** Forgets what was written, after an error in the middle of it. */
  reset(): void {
    this.#at = this.#room.length;
  }

  #varint(value: number): void {
    const room = this.#room;
    if (value < 0x80) {
      room[--this.#at] = value;
      return;
    }
    let length = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
    this.#at -= length;
    let rest = value;
    for (let i = 0; i < length - 1; i++, rest = Math.floor(rest / 0x80))
      room[this.#at + i] = (rest % 0x80) + 0x80;
    room[this.#at + length - 1] = rest;
  }

  #reserve(octets: number): void {
    if (octets <= this.#at) return;
    const { written } = this;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#room.length * 2, written + octets));
    this.#room.copy(larger, larger.length - written, this.#at);
    this.#at = larger.length - written;
    this.#room = larger;
  }
}
