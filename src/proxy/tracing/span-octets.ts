import { makeMemory, SPANS_AT, takeMemory } from "./span-batch.ts";

/** What a buffer begins with, and doubles from. */
const FIRST_OCTETS = 16_384;
/** Buffers that are kept to be used again. */
const MOST_KEPT = 16;
/** A text of so many characters is copied by a loop, which is faster than a call into the engine. */
const SHORT_TEXT = 48;
/** Lengths that are put in afterwards take so many octets, small ones too; protobuf reads them all the same. */
const LENGTH_OCTETS = 3;
/** Octets beyond those of a text that an attribute takes at most, and a number with everything about it. */
const ROOM = 64;
const MS_IN_NS = 1e6;
/** Field numbers and wire types. Source: opentelemetry/proto/trace/v1/trace.proto and common/v1/common.proto. */
const ATTRIBUTES = (9 << 3) | 2;
const VALUE = (2 << 3) | 2;
const STRING_VALUE = (1 << 3) | 2;
const INT_VALUE = 3 << 3;

/** @returns the name of an attribute as it is copied into each: field `key` of a KeyValue. */
export function attributeKey(name: string): Uint8Array {
  const text = Buffer.from(name);
  return Buffer.concat([Buffer.of((1 << 3) | 2, text.length), text]);
}

/** Octets of spans in protobuf, appended one after the other to memory that is used again: calls that are traced leave little to collect. */
export class SpanOctets {
  readonly #kept: Buffer<SharedArrayBuffer>[] = [];
  #bytes = makeMemory(FIRST_OCTETS);
  length = SPANS_AT;

  /** @returns what there is, in memory that is the caller's until it is released. */
  take(): Uint8Array<SharedArrayBuffer> {
    const octets = this.#bytes.subarray(0, this.length);
    if (this.#kept.length < MOST_KEPT && !this.#kept.includes(this.#bytes)) this.#kept.push(this.#bytes);
    this.#bytes = this.#kept.find(takeMemory) ?? makeMemory(FIRST_OCTETS);
    this.length = SPANS_AT;
    return octets;
  }

  /** Keeps no memory that is not needed. */
  rest(): void {
    this.#kept.length = 0;
    if (this.length === SPANS_AT) this.#bytes = makeMemory(FIRST_OCTETS);
  }

  /** @returns a copy of what was written since the length was `start`. */
  since(start: number): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#bytes, start, this.length);
  }

  /** Appends what {@link since} gave. */
  append(octets: Uint8Array): void {
    this.#need(octets.length + ROOM);
    this.#bytes.set(octets, this.length);
    this.length += octets.length;
  }

  /** Begins a message inside. @param tag of its field, below 128. @returns what {@link end} takes. */
  begin(tag: number): number {
    this.#need(ROOM);
    this.#bytes[this.length++] = tag;
    this.length += LENGTH_OCTETS;
    return this.length;
  }

  /** The message inside is complete: up to 2 MiB. */
  end(start: number): void {
    const length = this.length - start;
    this.#bytes[start - 3] = (length & 0x7f) | 0x80;
    this.#bytes[start - 2] = ((length >> 7) & 0x7f) | 0x80;
    this.#bytes[start - 1] = length >> 14;
  }

  /** @param tag of a field of octets. @param octets below 128 of them. */
  octets(tag: number, octets: Uint8Array): void {
    this.#need(octets.length + ROOM);
    this.#bytes[this.length++] = tag;
    this.#bytes[this.length++] = octets.length;
    this.#copy(octets);
  }

  /** @param tag of a field of text. @param value in any characters. */
  text(tag: number, value: string): void {
    const start = this.begin(tag);
    this.#characters(value);
    this.end(start);
  }

  /** @param tag of a field of a number. @param value below 128. */
  small(tag: number, value: number): void {
    this.#need(ROOM);
    this.#bytes[this.length++] = tag;
    this.#bytes[this.length++] = value;
  }

  /** A point of time as `fixed64`: more nanoseconds than a double holds. @param ms since 1970. */
  nanoseconds(tag: number, ms: number): void {
    this.#need(ROOM);
    const whole = Math.floor(ms);
    const high = Math.floor(whole / 2 ** 20) * MS_IN_NS;
    const low = (whole % 2 ** 20) * MS_IN_NS + Math.round((ms - whole) * MS_IN_NS);
    const sum = (high % 2 ** 12) * 2 ** 20 + (low % 2 ** 32);
    const above = Math.floor(high / 2 ** 12) + Math.floor(low / 2 ** 32) + Math.floor(sum / 2 ** 32);
    this.#bytes[this.length++] = tag;
    this.#bytes.writeUInt32LE(sum % 2 ** 32, this.length);
    this.#bytes.writeUInt32LE(above, this.length + 4);
    this.length += 8;
  }

  /** An attribute; one that is empty is left out. @param key by {@link attributeKey}. */
  textAttribute(key: Uint8Array, value: string): void {
    if (value === "") return;
    const start = this.begin(ATTRIBUTES);
    this.#copy(key);
    const inner = this.begin(VALUE);
    this.text(STRING_VALUE, value);
    this.end(inner);
    this.end(start);
  }

  /** An attribute. @param value a whole number of at least 0. */
  numberAttribute(key: Uint8Array, value: number): void {
    const start = this.begin(ATTRIBUTES);
    this.#copy(key);
    const inner = this.begin(VALUE);
    this.#bytes[this.length++] = INT_VALUE;
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.length++] = rest;
    this.end(inner);
    this.end(start);
  }

  #copy(octets: Uint8Array): void {
    this.#need(octets.length + ROOM);
    const bytes = this.#bytes;
    let at = this.length;
    for (let i = 0; i < octets.length; i++) bytes[at++] = octets[i]!;
    this.length = at;
  }

  #characters(text: string): void {
    // A character takes three octets at most.
    this.#need(text.length * 3 + ROOM);
    const bytes = this.#bytes;
    if (text.length <= SHORT_TEXT) {
      const at = this.length;
      let i = 0;
      for (; i < text.length; i++) {
        const code = text.charCodeAt(i);
        if (code >= 0x80) break;
        bytes[at + i] = code;
      }
      if (i === text.length) {
        this.length += i;
        return;
      }
    }
    this.length += bytes.write(text, this.length, "utf8");
  }

  #need(octets: number): void {
    if (this.#bytes.length - this.length >= octets) return;
    const larger = makeMemory(Math.max(this.#bytes.length * 2, this.length + octets));
    larger.set(this.#bytes.subarray(0, this.length));
    const at = this.#kept.indexOf(this.#bytes);
    if (at >= 0) this.#kept[at] = larger;
    this.#bytes = larger;
  }
}
