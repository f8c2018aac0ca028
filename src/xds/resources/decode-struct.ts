import type { WireReader } from "./wire-reader.ts";

/** What a google.protobuf.Struct can hold. */
export type StructValue = null | number | string | boolean | StructValue[] | { [key: string]: StructValue };

/** Deeper than anything of ours; what is deeper is left out, so that nobody's nesting exhausts the stack. */
const MAX_DEPTH = 16;

/** Reads the google.protobuf.Struct that the present field is. */
export function decodeStruct(reader: WireReader, depth = 0): Record<string, StructValue> {
  const struct: Record<string, StructValue> = Object.create(null) as Record<string, StructValue>;
  reader.enter();
  while (reader.next()) {
    if (reader.field !== 1) {
      reader.skip();
      continue;
    }
    let key = "";
    let value: StructValue = null;
    reader.enter();
    while (reader.next()) {
      if (reader.field === 1) key = reader.string();
      else if (reader.field === 2) value = decodeValue(reader, depth);
      else reader.skip();
    }
    reader.leave();
    struct[key] = value;
  }
  reader.leave();
  return struct;
}

function decodeValue(reader: WireReader, depth: number): StructValue {
  let value: StructValue = null;
  reader.enter();
  while (reader.next()) {
    if (reader.field === 2) value = reader.double();
    else if (reader.field === 3) value = reader.string();
    else if (reader.field === 4) value = reader.number() !== 0;
    else if (reader.field === 5 && depth < MAX_DEPTH) value = decodeStruct(reader, depth + 1);
    else if (reader.field === 6 && depth < MAX_DEPTH) value = decodeList(reader, depth + 1);
    else reader.skip();
  }
  reader.leave();
  return value;
}

function decodeList(reader: WireReader, depth: number): StructValue[] {
  const values: StructValue[] = [];
  reader.enter();
  while (reader.next()) {
    if (reader.field === 1) values.push(decodeValue(reader, depth));
    else reader.skip();
  }
  reader.leave();
  return values;
}

/**
 * Reads the envoy.config.core.v3.Metadata that the present field is.
 *
 * @param wanted keys of `filter_metadata`; the others are not decoded.
 */
export function decodeMetadata(
  reader: WireReader,
  wanted: readonly string[],
): Record<string, Record<string, StructValue>> {
  const found: Record<string, Record<string, StructValue>> = {};
  reader.enter();
  while (reader.next()) {
    if (reader.field !== 1) {
      reader.skip();
      continue;
    }
    let key = "";
    reader.enter();
    while (reader.next()) {
      if (reader.field === 1) key = reader.string();
      else if (reader.field === 2 && wanted.includes(key)) found[key] = decodeStruct(reader);
      else reader.skip();
    }
    reader.leave();
  }
  reader.leave();
  return found;
}
