import type { IpAddress } from "./ip-address.ts";
import { isIpv4, parseIpAddress } from "./ip-address.ts";

/** One range of addresses: those that agree with `address` where `mask` has ones. */
export interface IpRange {
  readonly address: IpAddress;
  readonly mask: IpAddress;
  readonly ipv4: boolean;
}

/**
 * Reads a range in CIDR notation (RFC 4632 §3.1), such as `10.0.0.0/8` or `fd00::/8`; an address alone is a range of one.
 *
 * @returns undefined when it is none, or has bits set behind its prefix.
 */
export function parseIpRange(text: string): IpRange | undefined {
  const slash = text.indexOf("/");
  const address = parseIpAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const ipv4 = isIpv4(address);
  const width = ipv4 && !text.includes(":") ? 32 : 128;
  const suffix = slash < 0 ? String(width) : text.slice(slash + 1);
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(suffix) || Number(suffix) > width) return undefined;
  const prefix = Number(suffix) + 128 - width;
  const mask = new Uint32Array(4);
  for (let i = 0; i < 4; i++) {
    const bits = Math.min(Math.max(prefix - 32 * i, 0), 32);
    mask[i] = bits === 0 ? 0 : -1 << (32 - bits);
    if ((address[i]! & ~mask[i]!) !== 0) return undefined;
  }
  // A prefix of mapped addresses that is shorter than their own stands for all of IPv6.
  return { address, mask, ipv4: ipv4 && prefix >= 96 };
}

/** A set of address ranges, read once; looking an address up takes a few integer operations for each range. */
export class IpRanges {
  readonly #ranges: readonly IpRange[];
  /** Whether every address of both families is in it. */
  readonly isEverything: boolean;

  /** @throws RangeError for a text that is no range; callers have checked theirs. */
  constructor(texts: readonly string[]) {
    this.#ranges = texts.map((text) => {
      const range = parseIpRange(text);
      if (range === undefined) throw new RangeError(`not a range of addresses: "${text}"`);
      return range;
    });
    this.isEverything =
      this.#ranges.some((range) => range.ipv4 && range.mask[3] === 0) &&
      this.#ranges.some((range) => !range.ipv4 && range.mask[0] === 0);
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  contains(address: IpAddress): boolean {
    const ipv4 = isIpv4(address);
    for (const range of this.#ranges) {
      if (range.ipv4 !== ipv4) continue;
      const { mask, address: wanted } = range;
      if (
        ((address[3]! ^ wanted[3]!) & mask[3]!) === 0 &&
        ((address[2]! ^ wanted[2]!) & mask[2]!) === 0 &&
        ((address[1]! ^ wanted[1]!) & mask[1]!) === 0 &&
        ((address[0]! ^ wanted[0]!) & mask[0]!) === 0
      )
        return true;
    }
    return false;
  }

  /** @returns whether a socket's address is in the set; a zone (`fe80::1%eth0`) is left out of account. */
  containsText(text: string): boolean {
    const zone = text.indexOf("%");
    const address = parseIpAddress(zone < 0 ? text : text.slice(0, zone));
    return address !== undefined && this.contains(address);
  }
}
