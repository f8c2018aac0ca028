import { isIPv6 } from "node:net";
import { IpRanges, parseIpRange } from "../../base/ip-ranges.ts";

/** What Isobar takes for itself on every node, by default; docs/configuration.md, `capture`. */
export const OWN_RANGES = ["240.18.0.0/16", "169.254.77.1", "fd00:77::/64"] as const;

/** @returns the range of ours that has addresses in common with a text such as `10.0.0.0/8` or `10.0.0.1`; undefined for none, and for what is no range. */
export function clashesWith(text: string): string | undefined {
  const other = parseIpRange(text);
  if (other === undefined) return undefined;
  // A default route has everything in it, and takes nothing away from what is more exact.
  if (/\/0$/.test(text)) return undefined;
  return OWN_RANGES.find((own) => isIPv6(own.split("/")[0]!) !== other.ipv4 && overlap(own, text));
}

/** Two ranges have addresses in common only if one holds the first of the other. */
function overlap(one: string, other: string): boolean {
  return contains(one, other) || contains(other, one);
}

function contains(range: string, text: string): boolean {
  return new IpRanges([range]).containsText(text.split("/")[0]!);
}
