import type { IpAddress } from "../base/ip-address.ts";
import { isIpv4, parseIpAddress } from "../base/ip-address.ts";
import { parseIpRange } from "../base/ip-ranges.ts";

/** The ranges of {@link AnyIp}, in CIDR notation. */
export interface AnyIpRanges {
  /** A network of 16 bits, such as `240.18.0.0/16`. */
  readonly ipv4: string;
  /** A network of at most 112 bits, such as `fd00:77::/64`. */
  readonly ipv6: string;
}

/** The highest number that a service may have; the numbers above are the proxy's own. */
export const LAST_SERVICE_NUMBER = 0xfe_ff;
/** Where callers come that name their service themselves. */
export const DOOR_NUMBER = 0xff_01;
/** Where it is tried whether the data path answers. */
export const CANARY_NUMBER = 0xff_02;
/** What is no address of the ranges. */
export const NO_NUMBER = -1;

const IPV4_BITS = 16;
const MOST_IPV6_BITS = 112;
const NUMBER_MASK = 0xff_ff;

/**
 * Two ranges of addresses that all lead to this machine (AnyIP: a `local` route for a whole range). The last 16 bits are a number, which says what
 * a connection came for: all other things of an address are the range's.
 */
export class AnyIp {
  readonly #ipv4: IpAddress;
  readonly #ipv6: IpAddress;

  /** @throws RangeError for ranges that are none, or have no room for 16 bits. */
  constructor({ ipv4, ipv6 }: AnyIpRanges) {
    const [first, second] = [parseIpRange(ipv4), parseIpRange(ipv6)];
    if (first === undefined || !isAnyIpv4(ipv4))
      throw new RangeError(`not an IPv4 network of /16: "${ipv4}"`);
    if (second === undefined || !isAnyIpv6(ipv6)) throw new RangeError(`not an IPv6 network: "${ipv6}"`);
    this.#ipv4 = first.address;
    this.#ipv6 = second.address;
  }

  /** @returns the IPv4 address of a number. */
  ipv4Of(number: number): string {
    const bits = (this.#ipv4[3]! | number) >>> 0;
    return `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`;
  }

  /** @returns the IPv6 address of a number, as RFC 5952 writes it. */
  ipv6Of(number: number): string {
    const groups: string[] = [];
    for (const [i, word] of this.#ipv6.entries()) {
      const bits = i === 3 ? (word | number) >>> 0 : word;
      groups.push((bits >>> 16).toString(16), (bits & NUMBER_MASK).toString(16));
    }
    return shorten(groups);
  }

  /** @param text of a socket: IPv4 may be in its IPv6 form. @returns the number, or {@link NO_NUMBER} for an address of neither range. */
  numberOf(text: string): number {
    const address = parseIpAddress(text);
    if (address === undefined) return NO_NUMBER;
    const range = isIpv4(address) ? this.#ipv4 : this.#ipv6;
    for (let i = 0; i < 3; i++) if (address[i] !== range[i]) return NO_NUMBER;
    return (address[3]! & ~NUMBER_MASK) === (range[3]! & ~NUMBER_MASK)
      ? address[3]! & NUMBER_MASK
      : NO_NUMBER;
  }
}

/** @returns whether a text is a range as {@link AnyIpRanges.ipv4} wants it. */
export function isAnyIpv4(text: string): boolean {
  return parseIpRange(text)?.ipv4 === true && text.endsWith(`/${IPV4_BITS}`);
}

/** @returns whether a text is a range as {@link AnyIpRanges.ipv6} wants it. */
export function isAnyIpv6(text: string): boolean {
  const range = parseIpRange(text);
  return range !== undefined && !range.ipv4 && Number(text.slice(text.indexOf("/") + 1)) <= MOST_IPV6_BITS;
}

/** The longest run of two or more zeros becomes `::`, the first of several. */
function shorten(groups: readonly string[]): string {
  let [start, length] = [0, 0];
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (groups[end] === "0") end++;
    if (end - i > length) [start, length] = [i, end - i];
  }
  if (length < 2) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}
