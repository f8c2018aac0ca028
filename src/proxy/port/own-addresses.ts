import { networkInterfaces } from "node:os";
import type { IpAddress } from "../../base/ip-address.ts";
import { parseIpAddress } from "../../base/ip-address.ts";

/** How old the list may be when it is asked. */
const FRESH_MS = 5_000;

/** The addresses of this machine's interfaces, read again when they are asked for after a while. */
export class OwnAddresses {
  readonly #now: () => number;
  readonly #list: () => readonly string[];
  #known = new Set<string>();
  #readMs = Number.NEGATIVE_INFINITY;

  /** @param list the addresses there are now; default: those of the interfaces. */
  constructor(now: () => number, list: () => readonly string[] = interfaceAddresses) {
    this.#now = now;
    this.#list = list;
  }

  has(address: IpAddress): boolean {
    const nowMs = this.#now();
    if (nowMs - this.#readMs > FRESH_MS) {
      this.#readMs = nowMs;
      const addresses = this.#list().map((text) => parseIpAddress(text.replace(/%.*$/, "")));
      this.#known = new Set(addresses.flatMap((each) => (each === undefined ? [] : [each.join(" ")])));
    }
    return this.#known.has(address.join(" "));
  }
}

function interfaceAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address));
}
