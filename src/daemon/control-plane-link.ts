import { monotonicClock } from "../base/clock.ts";
import { SeededRandom } from "../base/random.ts";
import type { Config } from "../config/config.ts";
import { durationMs } from "../config/duration-ms.ts";
import type { DiscoveredClusters } from "../discovery/cluster-merge.ts";
import type { Place } from "../lb/place.ts";
import { AuthorityState } from "../proxy/authorities/authority-news.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { RouteChanges } from "../resource/route.ts";
import type { Log } from "../telemetry/log.ts";
import { VERSION } from "../telemetry/version.ts";
import type { XdsClientCounts } from "../telemetry/xds-client-metrics.ts";
import { GrpcAdsTransport } from "../xds/client/grpc-ads-transport.ts";
import { KnowledgeKeeper } from "../xds/client/knowledge-keeper.ts";
import type { AuthorityTarget } from "../xds/client/resolve-authority.ts";
import { XdsClient } from "../xds/client/xds-client.ts";
import type { AuthorityPublisher } from "./authority-publisher.ts";
import { ControlPlaneCounts } from "./control-plane-counts.ts";
import { ControlPlaneCredentials } from "./control-plane-credentials.ts";
import { ControlPlaneTrouble } from "./control-plane-trouble.ts";
import type { FleetLink } from "./fleet-link.ts";
import type { TlsIdentities } from "./tls-identities.ts";

/** The section of the configuration. */
export type ControlPlaneConfig = NonNullable<Config["controlPlane"]>;

/** What a {@link ControlPlaneLink} works with. */
export interface ControlPlaneLinkOptions {
  readonly config: ControlPlaneConfig;
  readonly place: Place;
  readonly clusters: DiscoveredClusters;
  /** Clusters of the configuration, as they are now. */
  readonly others: () => Iterable<Cluster>;
  readonly onRoutes: (changes: RouteChanges) => void;
  readonly authorities: AuthorityPublisher;
  /** This proxy among the others. */
  readonly fleet: FleetLink;
  /** Where TLS identities are announced; made when the first is needed. */
  readonly tls: () => Pick<TlsIdentities, "use" | "retire">;
  /** @returns the slot of a cluster that was published, else -1. */
  readonly slotOf: (cluster: string) => number;
  /** @returns a number that changes whenever the cluster gets a request; NaN while requests are under way. */
  readonly useOf: (cluster: string) => number;
  readonly log: Log;
}

/** Services that are asked for at most: as many as there can be clusters. */
const MAX_AUTHORITIES = 4_096;
/** How often it is looked at which services are in use; an idle one stays for up to so much longer. */
const LOOK_SHARE = 0.1;

/** The proxy's side of a control plane: asks for what requests want, hands on what is found, and lets go of what nobody uses. */
export class ControlPlaneLink {
  readonly client: XdsClient;
  readonly #counts = new ControlPlaneCounts();
  readonly #options: ControlPlaneLinkOptions;
  /** Clusters whose endpoints are spoken to by TLS. */
  readonly #withTls = new Set<string>();
  readonly #idleMs: number;
  readonly #timer: NodeJS.Timeout;
  /** By authority: the use of its clusters when last looked at, and when that last changed. */
  readonly #uses = new Map<string, { use: string; sinceMs: number }>();
  readonly #keeper: KnowledgeKeeper | undefined;
  #refused = false;

  constructor(options: ControlPlaneLinkOptions) {
    const { config, place, log } = options;
    this.#options = options;
    this.#idleMs = durationMs(config.idleTimeout);
    const credentials = new ControlPlaneCredentials(config, log);
    const trouble = new ControlPlaneTrouble(log);
    this.client = new XdsClient({
      addresses: config.addresses,
      transport: new GrpcAdsTransport(
        () => credentials.tls(),
        () => credentials.token(),
      ),
      node: { id: place.node, zone: place.zone, region: place.region, userAgentVersion: VERSION },
      clock: monotonicClock,
      random: new SeededRandom(process.pid ^ Date.now()),
      holdBackMs: durationMs(config.holdBack),
      others: options.others,
      keepOctets: config.snapshotFile !== undefined,
      views: options.fleet,
      sink: {
        upsert: (cluster) => this.#upsert(cluster),
        remove: (name) => this.#remove(name),
        routes: (changes) => options.onRoutes(changes),
        authority: (authority, target) => this.#authority(authority, target),
      },
      events: {
        onConnected: (address) => trouble.connected(address),
        onDisconnected: (address, reason) => {
          this.#counts.disconnects++;
          trouble.disconnected(address, reason);
        },
        onAnswer: (typeUrl, problem) => {
          this.#counts.answered(typeUrl, problem !== "");
          trouble.answered(this.client.address);
          if (problem !== "")
            log.error("resources refused, the last good ones stay in force", { type: typeUrl, problem });
        },
        onHeldBack: (cluster, held) => this.#heldBack(cluster, held),
        onStrangers: (cluster, addresses) => {
          this.#counts.strangers += addresses.length;
          log.warn("suspect endpoints are not used any more, somebody else has their addresses", {
            cluster,
            addresses: addresses.slice(0, 10).join(", "),
            endpoints: addresses.length,
          });
        },
        onChange: () => this.#keeper?.changed(),
      },
    });
    if (config.snapshotFile !== undefined) {
      this.#keeper = new KnowledgeKeeper({
        path: config.snapshotFile,
        maxStaleMs: durationMs(config.maxStale),
        client: this.client,
        log,
        want: (authority) => this.want(authority),
        shares: options.fleet,
        onSaved: (succeeded) => this.#counts.saves[succeeded ? "success" : "failure"]++,
      });
    }
    options.fleet.onKept = () => this.#keeper?.changed();
    this.#timer = setInterval(() => this.#look(), Math.max(100, this.#idleMs * LOOK_SHARE));
    this.#timer.unref();
  }

  /** Takes what the disk has, then asks. @returns when what the disk has is in force. */
  async start(): Promise<void> {
    await this.#keeper?.restore();
    this.client.start();
    this.#options.fleet.report(this.client);
  }

  /** A worker has requests for it. */
  want(authority: string): void {
    const known = this.#uses.get(authority);
    if (known === undefined && this.#uses.size >= MAX_AUTHORITIES) {
      if (!this.#refused)
        this.#options.log.error("too many services are asked for, further ones are refused", {
          limit: MAX_AUTHORITIES,
        });
      this.#refused = true;
      this.#options.authorities.tell(authority, AuthorityState.absent);
      return;
    }
    this.#uses.set(authority, { use: "", sinceMs: monotonicClock.nowMs() });
    this.client.want(authority);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#options.fleet.close();
    await this.#keeper?.close();
    this.client.close();
  }

  /** For the metrics. */
  get counts(): XdsClientCounts {
    return this.#counts.read(this.client, this.#options.fleet);
  }

  /** For people: the connection, and every resource with its state. */
  get status(): object {
    const { client } = this;
    const resources = [...client.resources()].map(({ typeUrl, name, state, version, problem, fromDisk }) => ({
      type: typeUrl.slice(typeUrl.lastIndexOf(".") + 1),
      name,
      state,
      version,
      ...(problem === "" ? {} : { problem }),
      ...(fromDisk ? { unconfirmed: true } : {}),
    }));
    return {
      address: client.address,
      connected: client.isConnected,
      authorities: [...client.authorities],
      heldBack: Object.fromEntries(client.heldBack()),
      fleet: this.#options.fleet.status,
      resources,
    };
  }

  /** Believes at once what is held back. @param cluster "" for all. @returns the clusters that this changed. */
  release(cluster: string): string[] {
    return this.client.release(cluster === "" ? undefined : cluster);
  }

  #upsert(cluster: Cluster): void {
    const { name, tls } = cluster;
    const { clusters, tls: identities, log } = this.#options;
    if (tls === undefined && !this.#withTls.has(name)) return clusters.upsert(cluster);
    if (!identities().use(name, tls)) {
      log.error("two TLS identities have one number, the cluster is not used", { cluster: name });
      return;
    }
    if (tls === undefined) this.#withTls.delete(name);
    else this.#withTls.add(name);
    clusters.upsert(cluster);
    // What it used before is gone for good only now that workers know the other one.
    identities().retire();
  }

  #remove(name: string): void {
    // Names that lead to it go before it.
    this.#options.authorities.flush();
    this.#options.clusters.remove(name);
    this.#options.fleet.removed(name);
    if (this.#withTls.delete(name)) {
      this.#options.tls().use(name, undefined);
      this.#options.tls().retire();
    }
  }

  #authority(authority: string, target: AuthorityTarget): void {
    const { authorities, slotOf, log } = this.#options;
    if (target.kind === "routes") return authorities.tell(authority, AuthorityState.routed);
    if (target.kind === "cluster") {
      const slot = slotOf(target.cluster);
      return authorities.tell(authority, slot < 0 ? AuthorityState.absent : slot);
    }
    log.debug("no such service", { authority, reason: target.reason });
    authorities.tell(authority, AuthorityState.absent);
  }

  #heldBack(cluster: string, held: number): void {
    const { log, config } = this.#options;
    if (held === 0) log.info("endpoints that were held back are gone", { cluster });
    else {
      this.#counts.heldBackUpdates++;
      log.warn("an update takes most endpoints away, they stay for a while", {
        cluster,
        endpoints: held,
        holdBack: config.holdBack,
        override: "POST /xds/release",
      });
    }
  }

  /** Lets go of services that got no request for long; of what does not exist, too. */
  #look(): void {
    const nowMs = monotonicClock.nowMs();
    const { authorities, useOf } = this.#options;
    for (const [authority, known] of this.#uses) {
      const use = this.client
        .clustersOf(authority)
        .map((cluster) => useOf(cluster))
        .join(" ");
      if (use !== known.use || use.includes("NaN")) {
        known.use = use;
        known.sinceMs = nowMs;
      } else if (nowMs - known.sinceMs >= this.#idleMs) {
        this.#uses.delete(authority);
        authorities.tell(authority, AuthorityState.forgotten);
        this.client.drop(authority);
        this.#refused = false;
      }
    }
  }
}
