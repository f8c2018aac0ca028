import { isIP } from "node:net";

/** An address in the form the configuration writes it, taken apart. */
export type SocketAddress =
  | { readonly kind: "ip"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** `sun_path` of Linux holds 108 octets with the final zero. */
const MAX_UNIX_PATH_OCTETS = 107;
const LARGEST_PORT = 65_535;

/**
 * Takes `ip:port`, `[ipv6]:port` or `unix:/absolute/path` apart. Names are not resolved: an address is an address.
 *
 * @param text as written in the configuration; port 0 is allowed and asks the kernel for a free one.
 * @returns `undefined` when the text is none of the three forms.
 */
export function parseSocketAddress(text: string): SocketAddress | undefined {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    return path.startsWith("/") && Buffer.byteLength(path) <= MAX_UNIX_PATH_OCTETS
      ? { kind: "unix", path }
      : undefined;
  }
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, ipv6, ipv4, portText] = match;
  const host = ipv6 ?? ipv4 ?? "";
  const port = Number(portText);
  if (port > LARGEST_PORT || isIP(host) !== (ipv6 === undefined ? 4 : 6)) return undefined;
  return { kind: "ip", host, port };
}

/** @returns the address as the configuration writes it. */
export function formatSocketAddress(address: SocketAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  return isIP(address.host) === 6 ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** @returns whether only processes of this machine can reach the address: 127.0.0.0/8, ::1 or a unix socket. */
export function isLoopback(address: SocketAddress): boolean {
  return address.kind === "unix" || address.host.startsWith("127.") || address.host === "::1";
}

/** @returns whether both cannot be bound at the same time; a wildcard host takes its port on every other one. */
export function addressesCollide(a: SocketAddress, b: SocketAddress): boolean {
  if (a.kind === "unix" || b.kind === "unix") {
    return a.kind === "unix" && b.kind === "unix" && a.path === b.path;
  }
  if (a.port !== b.port || a.port === 0) return false;
  return a.host === b.host || isWildcard(a.host) || isWildcard(b.host);
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}
