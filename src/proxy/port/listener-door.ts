import { IpRanges } from "../../base/ip-ranges.ts";
import type { AuthorityTable } from "../../route/authority-table.ts";
import { NO_ROUTE } from "../../route/authority-table.ts";
import { TargetGuard } from "./target-guard.ts";

/** What clients of a listener may speak; `auto` looks at their first octets. */
export const LISTENER_PROTOCOLS = ["auto", "http2", "http1", "tls", "tcp"] as const;

/** One of {@link LISTENER_PROTOCOLS}. */
export type ListenerProtocol = (typeof LISTENER_PROTOCOLS)[number];

/** Where connections may come from when a listener says nothing: what is not routed on the internet, RFC 6890. */
export const DEFAULT_ALLOWED_SOURCES = [
  "127.0.0.0/8",
  "::1/128",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "169.254.0.0/16",
  "fe80::/10",
  "fc00::/7",
] as const;

/** A listener as the data path knows it. */
export interface ListenerOptions {
  /** Unique. */
  readonly name: string;
  readonly protocol: ListenerProtocol;
  /** Whether it is a unix socket, which the permissions of its file guard. */
  readonly isUnix: boolean;
  /** Name of the cluster that all its connections are for; "" when each says so itself. */
  readonly cluster: string;
  /** Ranges of addresses in CIDR notation. */
  readonly allowedSources: readonly string[];
  readonly connect: {
    /** Targets of CONNECT that are no cluster: host patterns or ranges, each with or without a port. */
    readonly allowedTargets: readonly string[];
    /** Ranges that are never dialled for CONNECT, in CIDR notation. */
    readonly deniedRanges: readonly string[];
  };
}

/** What a listener is where nothing is said. */
export const LISTENER_DEFAULTS = {
  protocol: "auto",
  isUnix: false,
  cluster: "",
  allowedSources: DEFAULT_ALLOWED_SOURCES,
  connect: { allowedTargets: [], deniedRanges: [] },
} as const satisfies Omit<ListenerOptions, "name">;

/** The rules of one listener, read once. */
export class ListenerDoor {
  readonly name: string;
  readonly protocol: ListenerProtocol;
  readonly hasCluster: boolean;
  readonly guard: TargetGuard;
  readonly #sources: IpRanges;
  readonly #admitsAll: boolean;
  readonly #cluster: string;
  readonly #authorities: AuthorityTable;
  #version = -1;
  #clusterSlot = NO_ROUTE;

  constructor(options: ListenerOptions, authorities: AuthorityTable) {
    this.name = options.name;
    this.protocol = options.protocol;
    this.hasCluster = options.cluster !== "";
    this.guard = new TargetGuard(options.connect);
    this.#cluster = options.cluster;
    this.#sources = new IpRanges(options.allowedSources);
    this.#admitsAll = options.isUnix || this.#sources.isEverything;
    this.#authorities = authorities;
  }

  /** The slot of the listener's cluster, NO_ROUTE while there is none. */
  get clusterSlot(): number {
    if (!this.hasCluster) return NO_ROUTE;
    if (this.#version !== this.#authorities.version) {
      this.#version = this.#authorities.version;
      this.#clusterSlot = this.#authorities.find(this.#cluster);
    }
    return this.#clusterSlot;
  }

  /**
   * @param source gives the caller's address; asked only if the ranges leave something out.
   * @returns whether the connection may come in.
   */
  admits(source: { readonly remoteAddress?: string | undefined }): boolean {
    if (this.#admitsAll) return true;
    const { remoteAddress } = source;
    return remoteAddress !== undefined && this.#sources.containsText(remoteAddress);
  }
}
