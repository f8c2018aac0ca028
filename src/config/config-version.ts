/**
 * Names what a configuration, or a section of it, says: 16 hexadecimal digits, equal in every process that runs the same one. Not
 * cryptographic, so that the process need not carry a cryptography library for it.
 *
 * Source: MurmurHash3's 32-bit mixing, two lanes.
 */
export function configVersion(config: object): string {
  const text = JSON.stringify(config);
  let low = 0x9747b28c;
  let high = 0x3c6ef372;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    low = Math.imul(low ^ Math.imul(unit, 0xcc9e2d51), 0x1b873593);
    low = (low << 13) | (low >>> 19);
    high = Math.imul(high ^ Math.imul(unit, 0x85ebca6b), 0xc2b2ae35);
    high = (high << 15) | (high >>> 17);
  }
  return hex(high ^ text.length) + hex(low);
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
