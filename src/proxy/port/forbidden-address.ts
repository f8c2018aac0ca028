import type { IpAddress } from "../../base/ip-address.ts";
import { ipv4Address, isIpv4 } from "../../base/ip-address.ts";
import { IpRanges } from "../../base/ip-ranges.ts";

/** Why an address is never dialled on a caller's word. */
export type Forbidden = "loopback" | "unspecified" | "link_local" | "metadata" | "multicast" | "reserved";

/**
 * Addresses that are the node's own affair wherever they lead, whatever the configuration allows.
 *
 * Source: RFC 6890 and IANA's special-purpose registries; the metadata services of AWS, Google Cloud and Azure are at link-local
 * 169.254.169.254, AWS's also at fd00:ec2::254, Alibaba Cloud's at 100.100.100.200, Azure's wire server at 168.63.129.16,
 * Oracle's at 192.0.0.192.
 */
const FORBIDDEN: readonly (readonly [Forbidden, IpRanges])[] = [
  [
    "metadata",
    new IpRanges(["169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::/32"]),
  ],
  ["loopback", new IpRanges(["127.0.0.0/8", "::1"])],
  ["unspecified", new IpRanges(["0.0.0.0/8", "::"])],
  ["link_local", new IpRanges(["169.254.0.0/16", "fe80::/10", "fec0::/10"])],
  ["multicast", new IpRanges(["224.0.0.0/4", "ff00::/8"])],
  // 240.0.0.0/4 holds the limited broadcast address, and ranges that a node may have routed to itself.
  ["reserved", new IpRanges(["240.0.0.0/4", "192.0.0.0/24", "100::/64", "64:ff9b:1::/48"])],
];

const NAT64 = new IpRanges(["64:ff9b::/96"]);
const TRANSLATED = new IpRanges(["::ffff:0:0:0/96"]);
const COMPATIBLE = new IpRanges(["::/96"]);
const SIX_TO_FOUR = new IpRanges(["2002::/16"]);
const TEREDO = new IpRanges(["2001::/32"]);

/** @returns why an address must not be dialled, its own kind or that of an IPv4 address inside it; undefined if it may. */
export function forbiddenKind(address: IpAddress): Forbidden | undefined {
  const kind = FORBIDDEN.find(([, ranges]) => ranges.contains(address))?.[0];
  if (kind !== undefined || isIpv4(address)) return kind;
  for (const embedded of embeddedIpv4(address)) {
    const inner = forbiddenKind(embedded);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/**
 * @returns the IPv4 addresses that a translator or tunnel would take an IPv6 address for; the mapped form is none of these,
 * it is IPv4 from the start.
 */
export function embeddedIpv4(address: IpAddress): IpAddress[] {
  const [, second, third, last] = address as unknown as [number, number, number, number];
  if (NAT64.contains(address) || TRANSLATED.contains(address) || COMPATIBLE.contains(address)) {
    return [ipv4Address(last)];
  }
  const found: IpAddress[] = [];
  if (SIX_TO_FOUR.contains(address)) {
    found.push(ipv4Address(((address[0]! & 0xffff) << 16) | (second >>> 16)));
  }
  if (TEREDO.contains(address)) found.push(ipv4Address(second), ipv4Address(~last));
  // ISATAP: ::0:5efe:a.b.c.d or ::200:5efe:a.b.c.d behind any prefix (RFC 5214 §6.1).
  if ((third & ~0x0200_0000) >>> 0 === 0x5efe) found.push(ipv4Address(last));
  return found;
}
