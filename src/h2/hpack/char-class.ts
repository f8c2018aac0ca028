/** A Huffman transition that completed a symbol; bit 1 is left for the transitions that may complete two. */
export const EMITS = 1;
/** A Huffman transition that no valid string takes (EOS). */
export const FAILS = 4;
/** An octet that no field value may have: controls except the tab. Source: RFC 9113 §8.2.1, RFC 9110 §5.5. */
export const BAD_VALUE = 8;
/** An octet that no field name may have: all but lower-case token characters. Source: RFC 9113 §8.2.1, RFC 9110 §5.6.2. */
export const BAD_NAME = 16;
/** Space or tab: allowed inside a value, not at its ends. Source: RFC 9113 §8.2.1. */
export const SPACE = 32;

/** Flags of every octet; the same bits the Huffman transitions carry. */
export const CHAR_CLASS: Uint8Array = buildCharClass();

function buildCharClass(): Uint8Array {
  const classes = new Uint8Array(256);
  const tokens = new Set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz");
  for (let octet = 0; octet < 256; octet++) {
    let flags = 0;
    if ((octet < 0x20 && octet !== 0x09) || octet === 0x7f) flags |= BAD_VALUE;
    if (octet === 0x20 || octet === 0x09) flags |= SPACE;
    if (!tokens.has(String.fromCharCode(octet))) flags |= BAD_NAME;
    classes[octet] = flags;
  }
  return classes;
}
