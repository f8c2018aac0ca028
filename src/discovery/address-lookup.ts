import { Resolver } from "node:dns/promises";

/** One family of addresses in DNS. */
export type AddressFamily = "ipv4" | "ipv6";

/** What DNS said about one name and one family. */
export type LookupAnswer =
  | { readonly kind: "addresses"; readonly addresses: readonly string[]; readonly ttlMs: number }
  /** The name, or a record of this family, does not exist: an answer, not a failure. */
  | { readonly kind: "empty" }
  /** No answer: a timeout, SERVFAIL, REFUSED, a malformed packet, no server. */
  | { readonly kind: "failed"; readonly reason: string };

/** Asks for the addresses of a name; never rejects. A seam for tests. */
export type AddressLookup = (hostname: string, family: AddressFamily) => Promise<LookupAnswer>;

const ATTEMPT_TIMEOUT_MS = 2_000;
const ATTEMPTS = 2;

/** The codes by which a server says that there is nothing: NOERROR without records, and NXDOMAIN. */
const EMPTY_CODES = new Set(["ENODATA", "ENOTFOUND"]);

/**
 * A lookup over DNS itself (A and AAAA with their TTL), not over the C library: no /etc/hosts, no search domains, no
 * thread pool.
 *
 * @param servers `ip` or `ip:port` of the servers to ask; by default those of the system.
 */
export function createAddressLookup(servers?: readonly string[]): AddressLookup {
  const resolver = new Resolver({ timeout: ATTEMPT_TIMEOUT_MS, tries: ATTEMPTS });
  if (servers !== undefined) resolver.setServers(servers);
  return async (hostname, family) => {
    try {
      const records =
        family === "ipv4"
          ? await resolver.resolve4(hostname, { ttl: true })
          : await resolver.resolve6(hostname, { ttl: true });
      if (records.length === 0) return { kind: "empty" };
      return {
        kind: "addresses",
        addresses: records.map((record) => record.address),
        ttlMs: Math.min(...records.map((record) => record.ttl)) * 1_000,
      };
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? String(error);
      return EMPTY_CODES.has(code) ? { kind: "empty" } : { kind: "failed", reason: code };
    }
  };
}
