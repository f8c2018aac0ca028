import { hashOctets } from "../base/hash-octets.ts";
import type { HashKey } from "../resource/load-balancing.ts";
import { findCookie, found } from "../route/cookie-value.ts";

/** Reads a call's headers: several fields of one name are one, joined by commas. */
export type HeaderReader = (name: string) => string | undefined;

/**
 * The hash of a call that keeps it together with its like: the same number that a proxy makes of the same method and headers. A call from
 * within a program has no address; whoever is to be told apart by it is told apart as a whole, by `self`.
 *
 * @returns 1 to 2^32 - 1 from the first key the call has; 0 when it has none.
 */
export function callHash(
  keys: readonly HashKey[],
  method: string,
  header: HeaderReader,
  self: string,
): number {
  for (const key of keys) {
    const octets = octetsOf(key, method, header, self);
    if (octets !== undefined) return hashOctets(octets, 0, octets.length) || 1;
  }
  return 0;
}

function octetsOf(key: HashKey, method: string, header: HeaderReader, self: string): Uint8Array | undefined {
  switch (key.kind) {
    case "method":
      return Buffer.from(method, "latin1");
    case "source":
      return Buffer.from(self, "latin1");
    case "header": {
      const value = header(key.name);
      return value === undefined ? undefined : Buffer.from(value, "latin1");
    }
    case "cookie": {
      const octets = Buffer.from(header("cookie") ?? "", "latin1");
      const length = findCookie(octets, 0, octets.length, Buffer.from(key.name, "latin1"));
      return length < 0 ? undefined : octets.subarray(found.at, found.at + length);
    }
  }
}
