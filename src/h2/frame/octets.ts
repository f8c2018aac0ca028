/** Reads an unsigned 32-bit number, most significant octet first. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 0x1000000 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!);
}

/** Reads a 31-bit number whose reserved first bit is ignored, as stream ids and windows are. */
export function readUint31(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! & 0x7f) << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** Writes an unsigned 32-bit number, most significant octet first. */
export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Writes a frame head (RFC 9113 §4.1). */
export function writeFrameHead(
  bytes: Uint8Array,
  at: number,
  payloadOctets: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  bytes[at] = payloadOctets >>> 16;
  bytes[at + 1] = payloadOctets >>> 8;
  bytes[at + 2] = payloadOctets;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  bytes[at + 5] = streamId >>> 24;
  bytes[at + 6] = streamId >>> 16;
  bytes[at + 7] = streamId >>> 8;
  bytes[at + 8] = streamId;
}
