/** Writes protobuf messages of few, short fields: requests of the protocol, not resources. */
export class WireWriter {
  readonly #parts: Buffer[] = [];

  /** @param value a whole number of at least 0; 0 is left out, as proto3 has it. */
  number(field: number, value: number): this {
    if (value !== 0) this.#parts.push(varint(field * 8), varint(value));
    return this;
  }

  /** The empty text is left out, as proto3 has it. */
  string(field: number, text: string): this {
    return text === "" ? this : this.octets(field, Buffer.from(text));
  }

  /** A field that repeats: the empty text counts. */
  strings(field: number, texts: Iterable<string>): this {
    for (const text of texts) this.octets(field, Buffer.from(text));
    return this;
  }

  /** A nested message, or octets, even if there are none. */
  octets(field: number, octets: Uint8Array): this {
    this.#parts.push(varint(field * 8 + 2), varint(octets.length), octets as Buffer);
    return this;
  }

  message(field: number, write: (writer: WireWriter) => void): this {
    const writer = new WireWriter();
    write(writer);
    return this.octets(field, writer.finish());
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

function varint(value: number): Buffer {
  const octets: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    octets.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  octets.push(rest);
  return Buffer.from(octets);
}
