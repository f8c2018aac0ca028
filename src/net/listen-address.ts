/** Where a listener binds, as `net.Server.listen` takes it. */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * Parses `ip:port`, `[ipv6]:port` or `unix:/path`; the configuration has checked the form.
 *
 * @throws RangeError when it is none of these.
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith("unix:")) return { path: text.slice("unix:".length) };
  const colon = text.lastIndexOf(":");
  const host = text.slice(0, colon).replace(/^\[|\]$/g, "");
  const port = Number(text.slice(colon + 1));
  if (colon < 1 || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new RangeError(`listener address: found "${text}", wanted ip:port, [ipv6]:port or unix:/path`);
  }
  return { host, port };
}
