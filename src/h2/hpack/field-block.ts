/**
 * A *field block* is how Isobar keeps a validated header or trailer section between the peer that sent it and the peer
 * that will get it: a byte range in the slab, records in the order of the fields.
 *
 * | first octet | record |
 * |---|---|
 * | `0x80 \| i` | the static table's field `i` (1 to 61), name and value |
 * | `0x01` | then a 32-bit little-endian id: a field of the {@link InternPool}; the record owns one reference to it |
 * | `0x02` | then `n:u24 LE`, `s:u8`, `n` octets: a literal field. With `s` > 0 the name is that of static entry `s` and the octets are the value's string literal; with `s` = 0 they are the name's string literal followed by the value's |
 * | `0x03` | as `0x02`, and the field is never indexed (RFC 7541 §6.2.3): it must be sent as such |
 *
 * String literals are in HPACK form (H bit, length, octets; RFC 7541 §5.2), validated, as the sender wrote them: values are
 * not decoded to be passed on. Nothing in a block depends on a connection's dynamic table, so it may be encoded for any
 * connection, later, and more than once.
 */
export const FieldRecord = {
  interned: 0x01,
  literal: 0x02,
  neverIndexed: 0x03,
  staticMask: 0x80,
} as const;

/** Octets of the head of a literal record before its string literals. */
export const LITERAL_HEAD_OCTETS = 5;
/** Octets of an interned record. */
export const INTERNED_OCTETS = 5;
