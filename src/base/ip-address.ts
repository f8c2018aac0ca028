/**
 * An IP address as four words of 32 bits, most significant first. IPv4 stands as IPv4-mapped IPv6 (::ffff:a.b.c.d), so that
 * the two spellings of one address are one value.
 */
export type IpAddress = Uint32Array;

const MAPPED_WORD = 0xffff;

/** @returns whether the address is an IPv4 one, however it was written. */
export function isIpv4(address: IpAddress): boolean {
  return address[0] === 0 && address[1] === 0 && address[2] === MAPPED_WORD;
}

/**
 * Reads an address strictly: four decimal numbers without leading zeros, or IPv6 (RFC 4291 §2.2) without zone and brackets.
 * The octal, hexadecimal and shortened spellings that some C libraries take for IPv4 are not addresses here.
 *
 * @returns undefined when the text is neither.
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (!text.includes(":")) {
    const value = parseIpv4(text);
    return value < 0 ? undefined : Uint32Array.of(0, 0, MAPPED_WORD, value);
  }
  return parseIpv6(text);
}

/** @returns whether {@link parseIpAddress} reads it; for IPv4 without making anything of it. */
export function isIpAddress(text: string): boolean {
  return text.includes(":") ? parseIpv6(text) !== undefined : parseIpv4(text) >= 0;
}

const DOT = 0x2e;
const ZERO = 0x30;

/** @returns the 32 bits, or -1. */
function parseIpv4(text: string): number {
  let value = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (digits === 0 || ++dots > 3) return -1;
      value = value * 256 + part;
      part = digits = 0;
      continue;
    }
    const digit = code - ZERO;
    // A zero in front of others would be octal somewhere.
    if (digit < 0 || digit > 9 || (digits > 0 && part === 0)) return -1;
    part = part * 10 + digit;
    digits++;
    if (part > 255) return -1;
  }
  return dots === 3 && digits > 0 ? value * 256 + part : -1;
}

function parseIpv6(text: string): IpAddress | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const words = new Uint32Array(4);
  for (let i = 0; i < 4; i++) words[i] = groups[2 * i]! * 65_536 + groups[2 * i + 1]!;
  return words;
}

/** Groups of 16 bits; the last 32 bits of an address may be written as IPv4. */
function parseGroups(text: string, isLast: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [i, part] of parts.entries()) {
    if (isLast && i === parts.length - 1 && part.includes(".")) {
      const value = parseIpv4(part);
      if (value < 0) return undefined;
      groups.push(value >>> 16, value & 0xffff);
    } else if (/^[0-9A-Fa-f]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/** @returns the 32 bits of an IPv4 address as an address. */
export function ipv4Address(bits: number): IpAddress {
  return Uint32Array.of(0, 0, MAPPED_WORD, bits >>> 0);
}
