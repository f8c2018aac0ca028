import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { ClusterConfig, Config } from "../config/config.ts";
import type { AddressLookup } from "./address-lookup.ts";
import type { ClusterSink } from "./cluster-sink.ts";
import { clusterFromConfig, clusterFromDns } from "./config-cluster.ts";
import { DnsDiscovery } from "./dns-discovery.ts";

/** What {@link Discovery} gets from its surroundings. */
export interface DiscoveryOptions {
  readonly sink: ClusterSink;
  readonly lookup: AddressLookup;
  readonly clock: Clock;
  readonly random: Random;
  /** Number of a cluster's TLS identity; default: all in clear text. */
  readonly tlsIdentityOf?: (config: ClusterConfig) => number;
  /** Told when lookups of a cluster begin to fail, and with an empty reason when they are good again. */
  readonly onTrouble: (clusterName: string, reason: string) => void;
}

interface DnsCluster {
  config: ClusterConfig;
  readonly hostname: string;
  readonly discovery: DnsDiscovery;
  addresses: readonly string[] | undefined;
}

/** Longest that the first snapshot waits for name servers; clusters without an answer then start empty. */
const FIRST_LOOKUP_LIMIT_MS = 5_000;

/** Turns configurations into clusters, now and whenever DNS changes its mind. */
export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #dns = new Map<string, DnsCluster>();
  #names = new Set<string>();

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  /**
   * Makes a configuration's clusters the present ones. Clusters of DNS that stay keep their addresses and go on.
   *
   * @param beforeRemoval called when all new ones are known and none of the former has gone.
   * @returns when all have been handed to the sink, lookups that are new included (bounded by 5 s); never rejects.
   */
  async apply(config: Config, beforeRemoval: () => void = () => {}): Promise<void> {
    const { sink } = this.#options;
    const names = new Set(config.clusters.map((cluster) => cluster.name));
    const former = this.#names;
    this.#names = names;
    const lookups: Promise<void>[] = [];
    for (const cluster of config.clusters) {
      if (cluster.dns === undefined) {
        this.#stopDns(cluster.name);
        sink.upsert(clusterFromConfig(cluster, this.#tlsIdentityOf(cluster)));
      } else {
        lookups.push(this.#applyDns(cluster, !former.has(cluster.name)));
      }
    }
    if (lookups.length > 0) await Promise.race([Promise.all(lookups), limit(FIRST_LOOKUP_LIMIT_MS)]);
    beforeRemoval();
    for (const name of former) {
      if (names.has(name)) continue;
      this.#stopDns(name);
      sink.remove(name);
    }
    sink.complete();
  }

  /** Ends all lookups. */
  stop(): void {
    for (const name of [...this.#dns.keys()]) this.#stopDns(name);
  }

  async #applyDns(config: ClusterConfig, isNew: boolean): Promise<void> {
    const dns = config.dns!;
    const known = this.#dns.get(config.name);
    if (known?.hostname === dns.hostname) {
      known.config = config;
      known.discovery.configure(dns);
      if (known.addresses !== undefined) this.#publish(known);
      return;
    }
    this.#stopDns(config.name);
    const { lookup, clock, random, onTrouble } = this.#options;
    const entry: DnsCluster = {
      config,
      hostname: dns.hostname,
      addresses: undefined,
      discovery: new DnsDiscovery(dns, {
        lookup,
        clock,
        random,
        onAddresses: (addresses) => {
          entry.addresses = addresses;
          this.#publish(entry);
        },
        onTrouble: (reason) => onTrouble(config.name, reason),
      }),
    };
    this.#dns.set(config.name, entry);
    // Known before its addresses are: its callers get UNAVAILABLE and try again, not UNIMPLEMENTED.
    if (isNew) this.#options.sink.upsert(clusterFromDns(config, this.#tlsIdentityOf(config), dns.port, []));
    await entry.discovery.start();
  }

  #publish(entry: DnsCluster): void {
    const { config, addresses = [] } = entry;
    const identity = this.#tlsIdentityOf(config);
    this.#options.sink.upsert(clusterFromDns(config, identity, config.dns!.port, addresses));
  }

  #tlsIdentityOf(config: ClusterConfig): number {
    return this.#options.tlsIdentityOf?.(config) ?? 0;
  }

  #stopDns(name: string): void {
    this.#dns.get(name)?.discovery.stop();
    this.#dns.delete(name);
  }
}

function limit(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
