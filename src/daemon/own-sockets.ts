import { networkInterfaces } from "node:os";
import { parseIpAddress } from "../base/ip-address.ts";
import type { SocketAddress } from "../config/socket-address.ts";
import type { Cluster } from "../resource/cluster.ts";

/** How old the list of this machine's addresses may be. */
const FRESH_MS = 5_000;
/** What stands before an IPv4 address, as a decimal number. */
const MAPPED_WORD = "65535";
const UNSPECIFIED: readonly string[] = ["0.0.0.0", "::"].map(canonical);

/**
 * The addresses this process listens on. An endpoint that is one of them is left out of its cluster: a request would go round in a
 * circle, and the admin server be lent to callers.
 */
export class OwnSockets {
  readonly #now: () => number;
  /** Hosts by port. */
  readonly #hosts = new Map<number, Set<string>>();
  #interfaces = new Set<string>();
  #readMs = Number.NEGATIVE_INFINITY;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param address with the port as it was bound; port 0 says nothing. */
  add(address: SocketAddress): void {
    if (address.kind === "unix" || address.port === 0) return;
    const hosts = this.#hosts.get(address.port) ?? new Set();
    hosts.add(canonical(address.host));
    this.#hosts.set(address.port, hosts);
  }

  /** @returns the cluster without such endpoints (itself, nearly always), and the addresses left out. */
  leaveOut(cluster: Cluster): { readonly cluster: Cluster; readonly left: readonly string[] } {
    const left = cluster.endpoints.filter(({ address, port }) => this.#has(address, port));
    if (left.length === 0) return { cluster, left: [] };
    const endpoints = cluster.endpoints.filter((endpoint) => !left.includes(endpoint));
    return {
      cluster: { ...cluster, endpoints },
      left: left.map(({ address, port }) => `${address}:${port}`),
    };
  }

  #has(address: string, port: number): boolean {
    const hosts = this.#hosts.get(port);
    if (hosts === undefined) return false;
    const host = canonical(address);
    if (hosts.has(host)) return true;
    // Who dials an unspecified address reaches loopback, of either family.
    if (UNSPECIFIED.includes(host))
      return [...hosts].some((own) => UNSPECIFIED.includes(own) || isLoopback(own));
    return UNSPECIFIED.some((own) => hosts.has(own)) && (isLoopback(host) || this.#isInterface(host));
  }

  #isInterface(host: string): boolean {
    if (this.#now() - this.#readMs > FRESH_MS) {
      this.#readMs = this.#now();
      const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
      this.#interfaces = new Set(all.map(({ address }) => canonical(address)));
    }
    return this.#interfaces.has(host);
  }
}

/** @param host as {@link canonical} writes it. */
function isLoopback(host: string): boolean {
  const [high, middle, kind, low = ""] = host.split(" ");
  if (high !== "0" || middle !== "0") return false;
  return kind === "0" ? low === "1" : kind === MAPPED_WORD && Number(low) >>> 24 === 127;
}

/** The same text for the same address, however it is written. */
function canonical(address: string): string {
  return parseIpAddress(address)?.join(" ") ?? address;
}
