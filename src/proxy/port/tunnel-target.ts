import type { IpAddress } from "../../base/ip-address.ts";
import { parseIpAddress } from "../../base/ip-address.ts";

/** Where a tunnel is asked to lead. */
export interface TunnelTarget {
  /** In lower case, without brackets and without a final dot. */
  readonly host: string;
  /** 1 to 65,535. */
  readonly port: number;
  /** Set when the host is an IP address. */
  readonly address: IpAddress | undefined;
}

const MAX_NAME_CHARACTERS = 253;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** A last label that some resolver would read as a number: 2130706433, 127.1, 0x7f.1, 0177.0.0.1. */
const NUMERIC_LABEL = /^(?:[0-9]+|0x[0-9a-f]*)$/;

/**
 * Reads `host:port` of a CONNECT request (RFC 9110 §9.3.6). A host is a name, an IPv4 address in four decimal numbers, or an
 * IPv6 address in brackets; all other spellings of addresses are refused, because resolvers differ about them.
 *
 * @returns undefined when it is none of these.
 */
export function parseTunnelTarget(text: string): TunnelTarget | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]+)):([1-9][0-9]{0,4})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  if (port > 65_535) return undefined;
  if (match[1] !== undefined) {
    const address = match[1].includes(":") ? parseIpAddress(match[1]) : undefined;
    return address && { host: match[1].toLowerCase(), port, address };
  }
  let host = match[2]!.toLowerCase();
  if (host.endsWith(".")) host = host.slice(0, -1);
  const address = parseIpAddress(host);
  if (address !== undefined) return { host, port, address };
  const labels = host.split(".");
  if (host.length > MAX_NAME_CHARACTERS || labels.some((label) => !LABEL.test(label))) return undefined;
  return NUMERIC_LABEL.test(labels.at(-1)!) ? undefined : { host, port, address: undefined };
}
