import { IpRanges } from "../../base/ip-ranges.ts";

/** The word that stands for clients of unix sockets. */
export const UNIX_SOURCE = "unix";

/** Who may ask how a request was picked for. */
export class ExplainSources {
  readonly #ranges: IpRanges;
  readonly #hasUnix: boolean;

  /** @param texts ranges of addresses in CIDR notation, and {@link UNIX_SOURCE}. */
  constructor(texts: readonly string[]) {
    this.#ranges = new IpRanges(texts.filter((text) => text !== UNIX_SOURCE));
    this.#hasUnix = texts.includes(UNIX_SOURCE);
  }

  /** @param address of a client, "" for one of a unix socket. */
  has(address: string): boolean {
    return address === "" ? this.#hasUnix : this.#ranges.containsText(address);
  }
}
