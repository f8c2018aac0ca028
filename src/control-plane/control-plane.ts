import { randomUUID } from "node:crypto";
import { MetricsServer } from "../admin/metrics-server.ts";
import { RouteServer } from "../admin/route-server.ts";
import type { SocketAddress } from "../config/socket-address.ts";
import { formatSocketAddress } from "../config/socket-address.ts";
import type { ServiceSource } from "../resource/service-source.ts";
import type { Log } from "../telemetry/log.ts";
import { ResourceCache } from "../xds/cache/resource-cache.ts";
import type { Admission, Refusal } from "../xds/server/admission.ts";
import { AdsServer } from "../xds/server/ads-server.ts";
import type { Audit } from "./audit/audit.ts";
import type { NodeViews } from "./callers/node-views.ts";
import { ControlPlaneEvents } from "./control-plane-events.ts";
import { ControlPlaneMetrics } from "./control-plane-metrics.ts";
import type { ControlPlaneView } from "./control-plane-routes.ts";
import { CONTROL_PLANE_ROUTES } from "./control-plane-routes.ts";
import { FleetLoads } from "./fleet-loads.ts";
import { fleetStats } from "./fleet-metrics.ts";
import type { KubernetesView } from "./kubernetes-metrics.ts";
import { kubernetesStats } from "./kubernetes-metrics.ts";
import type { PeerFlags } from "./peers/open-peers.ts";
import type { ReplicaPeers } from "./peers/replica-peers.ts";
import type { IdentitySource } from "./trust/identity-source.ts";
import type { WebhookService } from "./webhook/webhook-service.ts";

/** What a {@link ControlPlane} is made of. */
export interface ControlPlaneOptions {
  readonly source: ServiceSource;
  /** What is to be seen of the Kubernetes clusters it reads; default: there are none. */
  readonly kubernetes?: KubernetesView;
  /** Where xDS is served. */
  readonly address: SocketAddress & { readonly kind: "ip" };
  readonly adminAddress: SocketAddress;
  /** Where the page is served; undefined: nowhere. */
  readonly pageAddress?: SocketAddress | undefined;
  /** Folder of the audit, for the page; undefined: there is none. */
  readonly auditFolder?: string | undefined;
  /** Where metrics are served; undefined: nowhere. */
  readonly metricsAddress?: SocketAddress | undefined;
  readonly log: Log;
  /** What xDS is served with; undefined: in clear text. */
  readonly identity?: IdentitySource | undefined;
  /** Who may ask; undefined: everybody. */
  readonly admission?: Admission | undefined;
  /** The Service whose endpoints are the proxies, `name.namespace`; undefined: they are known by their streams. */
  readonly fleetService?: string | undefined;
  /** What the API server asks about new Pods; undefined: it does not. Needs an identity. */
  readonly webhook?: WebhookService | undefined;
  /** What proxies are told of their nodes; undefined: nothing. */
  readonly nodes?: NodeViews | undefined;
  /** The other replicas; undefined: there are none, or they are not told what callers report. */
  readonly peers?: PeerFlags | undefined;
  /** Where everything is written down; undefined: nowhere. */
  readonly audit?: Audit | undefined;
}

/** Services of a source, served over xDS: source → cache → streams. */
export class ControlPlane {
  readonly #options: ControlPlaneOptions;
  readonly #cache: ResourceCache;
  readonly #events: ControlPlaneEvents;
  readonly #loads: FleetLoads;
  readonly #replica = randomUUID();
  #peers: ReplicaPeers | undefined;
  readonly #server: AdsServer;
  readonly #admin: RouteServer<ControlPlaneView>;
  readonly #metrics: MetricsServer;
  #page: { close(): Promise<void> } | undefined;
  #port = 0;

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
    this.#events = new ControlPlaneEvents(options.log);
    this.#cache = new ResourceCache((service, type, error) => this.#events.notEncoded(service, type, error));
    const onFault = (peer: string, error: unknown): void => this.#events.fault(peer, error);
    const onRefused = (peer: string, refusal: Refusal): void => this.#events.refusedClient(peer, refusal);
    const { fleetService } = options;
    this.#loads = new FleetLoads({
      cache: this.#cache,
      fleetService,
      replica: options.peers === undefined ? undefined : this.#replica,
      others: options.nodes?.sources,
      keepsTraffic: options.pageAddress !== undefined,
      onFault,
      onRefused,
    });
    this.#server = new AdsServer({
      source: this.#loads.source,
      events: options.audit?.events(this.#events) ?? this.#events,
      onFault,
      admission: options.admission,
      onRefused,
      onConnectionFailed: (peer, reason) => this.#events.connectionFailed(peer, reason),
    });
    this.#loads.serve(this.#server);
    options.nodes?.start((type, name) => this.#server.audience(type, name));
    this.#admin = new RouteServer<ControlPlaneView>(
      {
        notReadyReason: () => this.#notReadyReason(),
        stats: () => this.#stats(),
        clients: (node) => this.#server.status(node),
        loads: (service) => this.#loads.shown(service),
      },
      CONTROL_PLANE_ROUTES,
    );
    this.#metrics = new MetricsServer(
      new ControlPlaneMetrics({
        cache: this.#cache,
        events: this.#events,
        server: this.#server,
        loads: this.#loads,
        kubernetes: options.kubernetes,
        notAfterMs: options.identity === undefined ? undefined : () => options.identity!.notAfterMs,
        audit: options.audit,
        webhook: options.webhook,
      }),
    );
  }

  /**
   * Opens the ports and starts the source. Streams are accepted before all is known, and answered afterwards.
   *
   * @returns the ports as bound; 0 for a unix socket, and for what is not served.
   * @throws what the source throws, or an error whose `address` says what could not be bound.
   */
  async start(): Promise<{
    readonly port: number;
    readonly adminPort: number;
    readonly metricsPort: number;
    readonly webhookPort: number;
    readonly pagePort: number;
  }> {
    const { source, address, adminAddress, metricsAddress, identity, audit, webhook } = this.#options;
    await source.start(this.#loads.sink(audit?.sink(this.#cache) ?? this.#cache));
    const adminPort = await this.#admin.listen(adminAddress).catch(withAddress(adminAddress));
    const metricsPort =
      metricsAddress === undefined
        ? 0
        : await this.#metrics.listen(metricsAddress).catch(withAddress(metricsAddress));
    const pagePort = await this.#openPage();
    const proof = await identity?.start((renewed) => {
      this.#server.use(renewed);
      webhook?.use(renewed);
    });
    this.#port = await this.#server.listen(formatSocketAddress(address), proof).catch(withAddress(address));
    await this.#openPeers();
    const webhookPort =
      webhook === undefined || proof === undefined
        ? 0
        : await webhook.start(proof).catch(withAddress(webhook.address));
    return { port: this.#port, adminPort, metricsPort, webhookPort, pagePort };
  }

  async close(): Promise<void> {
    this.#peers?.close();
    this.#loads.close();
    await this.#options.nodes?.close();
    this.#server.close();
    await this.#options.webhook?.close();
    await this.#options.identity?.close();
    await this.#options.source.close();
    await this.#options.audit?.close();
    // What never listened cannot be closed, and need not be.
    await Promise.allSettled([this.#admin.close(), this.#metrics.close(), this.#page?.close()]);
  }

  /** Loaded only where there are other replicas. */
  async #openPeers(): Promise<void> {
    const { peers, identity, log } = this.#options;
    if (peers === undefined) return;
    const { openPeers } = await import("./peers/open-peers.ts");
    this.#peers = openPeers(peers, identity, {
      replica: this.#replica,
      onLoads: (peer, loads) => this.#loads.takePeer(peer, loads),
      log,
    });
  }

  /** Loaded only where it is wanted. @returns the port as bound; 0 for none. */
  async #openPage(): Promise<number> {
    const { pageAddress, auditFolder } = this.#options;
    if (pageAddress === undefined) return 0;
    const { pageServer } = await import("./page/page-server.ts");
    const page = pageServer({
      cache: this.#cache,
      loads: this.#loads,
      server: this.#server,
      auditFolder,
      notReadyReason: () => this.#notReadyReason(),
      nowMs: () => performance.now(),
    });
    this.#page = page;
    return page.listen(pageAddress).catch(withAddress(pageAddress));
  }

  #notReadyReason(): string | undefined {
    if (!this.#cache.isSynced) return "waiting for all services to be known";
    return this.#port === 0 ? "the port is not open yet" : undefined;
  }

  #stats(): Record<string, number> {
    const { serviceCount, endpointCount } = this.#cache;
    const stats: Record<string, number> = {
      services: serviceCount,
      endpoints: endpointCount,
      unknown_types: this.#events.unknownTypes,
      faults: this.#events.faults,
      ...fleetStats(this.#loads),
    };
    const { audit, kubernetes } = this.#options;
    if (kubernetes !== undefined) Object.assign(stats, kubernetesStats(kubernetes));
    if (audit !== undefined) {
      stats["audit.records"] = audit.written;
      stats["audit.lost"] = audit.lost;
    }
    for (const { kind, transport } of this.#server.streams) {
      const name = `streams.${kind}.${transport}`;
      stats[name] = (stats[name] ?? 0) + 1;
    }
    for (const [type, tally] of this.#events.tallies) {
      const name = type.slice(type.lastIndexOf(".") + 1);
      for (const [key, value] of Object.entries(tally)) stats[`${name}.${key}`] = value as number;
    }
    return stats;
  }
}

/** An address could not be bound. */
export class AddressError extends Error {
  override readonly name = "AddressError";
  readonly address: SocketAddress;

  constructor(address: SocketAddress, cause: unknown) {
    super(
      `${formatSocketAddress(address)} cannot be bound: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
    this.address = address;
  }
}

function withAddress(address: SocketAddress): (error: unknown) => never {
  return (error) => {
    throw new AddressError(address, error);
  };
}
