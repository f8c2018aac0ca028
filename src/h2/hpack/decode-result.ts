/** How {@link HpackDecoder.decode} ended. */
export const DecodeResult = {
  /** The field block is in the output area; every field of the result is set. */
  ok: 0,
  /** The section breaks a rule of RFC 9113 §8: an error of this stream. The dynamic table is in sync. */
  malformed: 1,
  /** The section is larger than allowed (or than the output area): an error of this stream. The table is in sync. */
  listTooLarge: 2,
  /** The block cannot be decoded: the connection ends with COMPRESSION_ERROR (RFC 9113 §4.3). */
  compressionError: 3,
  /** The slab has no room for the dynamic table: the connection has to end with INTERNAL_ERROR. */
  noMemory: 4,
} as const;
export type DecodeResult = (typeof DecodeResult)[keyof typeof DecodeResult];
