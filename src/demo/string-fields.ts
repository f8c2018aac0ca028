const LEN = 2;

/**
 * Encodes a protobuf message whose fields are all strings: `values[0]` is field 1, and so on; empty ones are left out.
 *
 * The demo's two messages need no more than this, so no protobuf runtime is loaded for them. At most 15 fields.
 */
export function encodeStringFields(values: readonly string[]): Buffer {
  const parts: Buffer[] = [];
  values.forEach((value, index) => {
    if (value === "") return;
    const octets = Buffer.from(value, "utf8");
    parts.push(Buffer.from([((index + 1) << 3) | LEN, ...varint(octets.length)]), octets);
  });
  return Buffer.concat(parts);
}

/**
 * Decodes what {@link encodeStringFields} wrote, or any protobuf encoder: fields that are absent become "", fields
 * that are not known are skipped.
 *
 * @throws RangeError if the octets are not a protobuf message.
 */
export function decodeStringFields(message: Buffer, fieldCount: number): string[] {
  const values = new Array<string>(fieldCount).fill("");
  let offset = 0;
  while (offset < message.length) {
    const key = readVarint(message, offset);
    const field = Math.floor(key.value / 8);
    const body = skipLength(message, key.next, key.value % 8);
    if (body.end > message.length) throw new RangeError("protobuf field reaches beyond its message");
    if (key.value % 8 === LEN && field >= 1 && field <= fieldCount) {
      values[field - 1] = message.toString("utf8", body.start, body.end);
    }
    offset = body.end;
  }
  return values;
}

function skipLength(message: Buffer, offset: number, wireType: number): { start: number; end: number } {
  switch (wireType) {
    case 0:
      return { start: offset, end: readVarint(message, offset).next };
    case 1:
      return { start: offset, end: offset + 8 };
    case LEN: {
      const length = readVarint(message, offset);
      return { start: length.next, end: length.next + length.value };
    }
    case 5:
      return { start: offset, end: offset + 4 };
    default:
      throw new RangeError(`protobuf wire type ${wireType} is not known`);
  }
}

function readVarint(message: Buffer, offset: number): { value: number; next: number } {
  let value = 0;
  // Arithmetic instead of shifts: a varint may hold 64 bits, and only its length matters beyond 53.
  for (let index = 0; index < 10; index++) {
    const octet = message[offset + index];
    if (octet === undefined) break;
    value += (octet & 0x7f) * 2 ** (7 * index);
    if (octet < 0x80) return { value, next: offset + index + 1 };
  }
  throw new RangeError("protobuf varint does not end");
}

function varint(value: number): number[] {
  const octets: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    octets.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  octets.push(rest);
  return octets;
}
