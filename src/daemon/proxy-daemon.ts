import { AdminServer } from "../admin/admin-server.ts";
import { monotonicClock } from "../base/clock.ts";
import { SeededRandom } from "../base/random.ts";
import type { Config } from "../config/config.ts";
import type { ParsedConfig } from "../config/parse-config.ts";
import { parseSocketAddress } from "../config/socket-address.ts";
import type { AddressLookup } from "../discovery/address-lookup.ts";
import { ClusterMerge } from "../discovery/cluster-merge.ts";
import { Discovery } from "../discovery/discovery.ts";
import { CAPTURE_LISTENER } from "../proxy/callers/capture-listener.ts";
import { SlotRegistry } from "../resource/slot-registry.ts";
import type { Log } from "../telemetry/log.ts";
import { AccessLogSink } from "./access-log-sink.ts";
import { AuthorityPublisher } from "./authority-publisher.ts";
import { bindAddress, listenError } from "./bind-address.ts";
import type { NodeCapture } from "./capture/node-capture.ts";
import { openCapture } from "./capture/open-capture.ts";
import { privateListener } from "./capture/private-listener.ts";
import { ClusterPublisher } from "./cluster-publisher.ts";
import { collectGarbage } from "./collect-garbage.ts";
import type { ControlPlaneLink } from "./control-plane-link.ts";
import { ACCEPTOR, DataPlaneThreads } from "./data-plane-threads.ts";
import { Departure } from "./departure.ts";
import { EndpointHealth } from "./endpoint-health.ts";
import type { ExitError } from "./exit-code.ts";
import { ExitCode } from "./exit-code.ts";
import { ExplainDesk } from "./explain-desk.ts";
import { noteTrouble } from "./note-trouble.ts";
import { openMetrics } from "./open-metrics.ts";
import type { OverloadManager } from "./overload-manager.ts";
import { CgroupMemory } from "./overload-memory.ts";
import { OwnPlace } from "./own-place.ts";
import { OwnSockets } from "./own-sockets.ts";
import { ProxyCounters } from "./proxy-counters.ts";
import type { ProxyMetrics } from "./proxy-metrics.ts";
import { ProxyView } from "./proxy-view.ts";
import { Readiness } from "./readiness.ts";
import { Reloader } from "./reloader.ts";
import type { RoutePublisher } from "./route-publisher.ts";
import { settingsMessages } from "./settings-messages.ts";
import type { TlsIdentities } from "./tls-identities.ts";
import { Tracing } from "./tracing.ts";
import { watchMemory } from "./watch-memory.ts";
import type { ListeningMessage, MainToWorker, WorkerListener, WorkerToMain } from "./worker-messages.ts";
import { workerStart } from "./worker-start.ts";

/** What a {@link ProxyDaemon} is made of. */
export interface ProxyDaemonOptions {
  readonly config: Config;
  readonly log: Log;
  readonly lookup: AddressLookup;
  /** The module of the data-plane threads. */
  readonly workerEntry: URL;
  /** The module of the acceptor; default: the real one. For tests. */
  readonly acceptorEntry?: URL | undefined;
  /** Reads the configuration again. */
  readonly load: () => Promise<ParsedConfig>;
}

/** The proxy as one object: discovery → publisher → data plane, beside them admin and metrics. The main thread touches no request. */
export class ProxyDaemon {
  /** Settles when the process should end, with its exit code; rejects with ExitError when something failed. */
  readonly ended: Promise<ExitCode>;

  readonly #options: ProxyDaemonOptions;
  /** Those of the configuration, and that of captured connections. */
  readonly #listeners: readonly WorkerListener[];
  readonly #readiness: Readiness;
  readonly #counters: ProxyCounters;
  readonly #slots: SlotRegistry;
  readonly #publisher: ClusterPublisher;
  readonly #ownSockets = new OwnSockets(() => monotonicClock.nowMs());
  readonly #health: EndpointHealth;
  readonly #place: OwnPlace;
  readonly #clusters: ClusterMerge;
  readonly #authorities = new AuthorityPublisher((message) => this.#threads.broadcast(message));
  readonly #discovery: Discovery;
  readonly #threads: DataPlaneThreads;
  readonly #reloader: Reloader;
  readonly #explain: ExplainDesk;
  readonly #view: ProxyView;
  readonly #admin: AdminServer;
  readonly #accessLog = new AccessLogSink();
  readonly #tracing: Tracing;
  readonly #troubles = new Map<string, string>();
  readonly #departure: Departure;
  readonly #end = Promise.withResolvers<ExitCode>();
  readonly #started = Promise.withResolvers<void>();
  #metrics: ProxyMetrics | undefined;
  #tls: TlsIdentities | undefined;
  #routes: RoutePublisher | undefined;
  #controlPlane: ControlPlaneLink | undefined;
  #capture: NodeCapture | undefined;
  readonly #memory = CgroupMemory.find();
  #overload: OverloadManager | undefined;

  constructor(options: ProxyDaemonOptions) {
    const { config, log, lookup } = options;
    const workerCount = config.concurrency;
    const broadcast = (message: MainToWorker): void => this.#threads.broadcast(message);
    this.#options = options;
    this.ended = this.#end.promise;
    this.#place = new OwnPlace(config.node);
    // A worker may fail while nobody is waiting yet: start() and the caller look at it later.
    this.ended.catch(() => undefined);
    this.#listeners =
      config.capture === undefined
        ? config.listeners
        : [...config.listeners, privateListener(config.capture)];
    this.#readiness = new Readiness(this.#listeners.map((listener) => listener.name));
    this.#counters = new ProxyCounters(workerCount);
    this.#tracing = new Tracing(log, this.#place);
    this.#slots = new SlotRegistry({ workerCount });
    const { admin, metrics, listeners } = config;
    for (const { address } of [admin, ...listeners, ...(metrics === undefined ? [] : [metrics])])
      this.#ownSockets.add(parseSocketAddress(address)!);
    this.#publisher = new ClusterPublisher({
      slots: this.#slots,
      endpointCounters: this.#counters.endpoints,
      workerCount,
      knowsCallers: config.capture !== undefined,
      broadcast,
      onPublished: (published) => {
        this.#metrics?.published(published);
        this.#health.published(published);
      },
      onRemoved: (name) => {
        this.#metrics?.removed(name);
        this.#health.removed(name);
      },
      onFleet: (fleet, cluster) => this.#health.setFleet(fleet, cluster),
      place: this.#place,
      onComplete: () => this.#progress(() => this.#readiness.snapshotInForce()),
      onRefused: (cluster, reason) => log.error("cluster update refused", { cluster, reason }),
      ownSockets: this.#ownSockets,
      onLoop: (cluster, addresses) =>
        log.error("endpoints that are this proxy itself are left out", { cluster, addresses }),
    });
    this.#health = new EndpointHealth({
      counters: this.#counters,
      clusters: () => this.#publisher.clusters,
      tlsMessages: () => this.#tls?.messages() ?? [],
      place: this.#place,
      log,
    });
    this.#clusters = new ClusterMerge(this.#publisher, () => this.#controlPlane?.client.othersChanged());
    this.#discovery = new Discovery({
      sink: this.#clusters.configured,
      lookup,
      clock: monotonicClock,
      random: new SeededRandom(process.pid ^ Date.now()),
      tlsIdentityOf: (cluster) => this.#tls?.numberOf(cluster) ?? 0,
      onTrouble: (cluster, reason) => noteTrouble(this.#troubles, log, cluster, reason),
    });
    this.#threads = new DataPlaneThreads(
      {
        workerEntry: options.workerEntry,
        acceptorEntry: options.acceptorEntry,
        workerCount,
        listeners: this.#listeners,
        start: workerStart(config, this.#memory?.read(), this.#counters, log),
        counters: this.#counters,
        log,
      },
      {
        state: () => this.#stateForWorker(),
        onListening: (message, thread) => this.#listening(message, thread),
        onListenFailed: (name, error) => this.#fail(listenError(config, name, error)),
        onServing: (worker) => this.#progress(() => this.#readiness.serving(worker)),
        onMessage: (worker, message) => this.#receive(worker, message),
        onGone: (thread) => this.#gone(thread),
        onFault: (error) => this.#fail(error),
      },
    );
    this.#departure = new Departure({
      workers: workerCount,
      readiness: this.#readiness,
      log,
      settings: () => this.#reloader.running.drain,
      onBegin: () => {
        this.#metrics?.departing(this.#reloader.running.drain.limitMs);
        this.#capture?.stateChanged();
      },
      isLedHere: () => this.#capture?.isLedHere === true,
      drain: (limitMs) => {
        if (this.#capture?.isCurrent === false) void this.#metrics?.close();
        this.#threads.drain(limitMs);
      },
      onLeft: () => this.#end.resolve(ExitCode.ok),
    });
    this.#reloader = new Reloader(config, {
      load: options.load,
      apply: (next) => this.#apply(next),
      log,
      onOutcome: (succeeded) => {
        if (!succeeded) this.#metrics?.configRefused();
      },
    });
    this.#explain = new ExplainDesk({ workerCount, broadcast });
    this.#view = new ProxyView({
      readiness: this.#readiness,
      counters: this.#counters,
      publisher: this.#publisher,
      routes: () => this.#routes,
      controlPlane: () => this.#controlPlane,
      capture: () => this.#capture,
      reloader: this.#reloader,
      troubles: this.#troubles,
      log,
      drain: () => this.drain("POST /drain"),
      explain: this.#explain,
      node: config.node.id,
    });
    this.#admin = new AdminServer(this.#view);
  }

  /** @throws ExitError when an address cannot be bound or a worker dies before the proxy is ready. */
  async start(): Promise<void> {
    const { config, log } = this.#options;
    this.#capture = await openCapture(config, {
      broadcast: (message) => this.#threads.broadcast(message),
      clusters: this.#clusters,
      readiness: this.#readiness,
      drain: (cause) => this.drain(cause),
      isConnected: () => this.#controlPlane?.client.isConnected === true,
      counters: this.#counters,
      published: () => this.#publisher.clusters,
      ended: () => this.#departure.cutOff,
      log,
    });
    await bindAddress("admin.address", config.admin.address, (address) => this.#admin.listen(address));
    this.#metrics = await openMetrics(config, { counters: this.#counters, capture: this.#capture, log });
    if (config.tracing !== undefined) this.#metrics?.tracing(() => this.#tracing.counts);
    const onReadiness = (reason: Parameters<Readiness["overloaded"]>[0]): void => {
      this.#readiness.overloaded(reason);
      this.#capture?.stateChanged();
    };
    this.#overload = watchMemory(this.#memory, { config, counters: this.#counters, log, onReadiness });
    await this.#linkControlPlane();
    await Promise.race([Promise.all([this.#apply(config), this.#started.promise]), this.ended]);
    collectGarbage();
    if (!this.#readiness.isDraining)
      log.info("ready", { node: config.node.id, zone: this.#place.zone, clusters: config.clusters.length });
  }

  /** Reads the configuration again. */
  reload(cause: string): Promise<void> {
    return this.#reloader.reload(cause);
  }

  /** Says that it is not ready; after the delay (none where nobody watches that) lets streams finish within the limit, then ends the process. */
  drain(cause: string, isUrgent = false): void {
    this.#departure.begin(cause, isUrgent);
  }

  /** Ends everything at once and frees the addresses. */
  async close(): Promise<void> {
    this.#departure.close();
    this.#capture?.close();
    this.#overload?.close();
    this.#discovery.stop();
    await this.#controlPlane?.close();
    this.#health.close();
    this.#tls?.close();
    await this.#threads.terminate();
    await Promise.all([this.#admin.close(), this.#metrics?.close()]);
    this.#accessLog.flush();
    await this.#tracing.flush();
  }

  async #apply(config: Config): Promise<void> {
    this.#options.log.level = config.log.level;
    this.#tracing.configure(config);
    for (const message of settingsMessages(config)) this.#threads.broadcast(message);
    this.#publisher.setFleet(config.fleet);
    this.#capture?.setConfigured(config.callers ?? []);
    await this.#announceTls(config);
    await this.#loadRoutes(config);
    await this.#discovery.apply(config, () => this.#routes?.apply(config));
    this.#tls?.retire();
    this.#metrics?.configInForce(config);
  }

  /** Loaded at need, gRPC and all. */
  async #linkControlPlane(): Promise<void> {
    const { config, log } = this.#options;
    if (config.controlPlane === undefined) return;
    const { linkControlPlane } = await import("./link-control-plane.ts");
    const { TlsIdentities } = await import("./tls-identities.ts");
    await this.#loadRoutes(config);
    this.#controlPlane = await linkControlPlane(config.controlPlane, {
      place: this.#place,
      clusters: this.#clusters.discovered,
      others: () => this.#clusters.clusters,
      onRoutes: (changes) => this.#routes!.discover(changes),
      authorities: this.#authorities,
      publisher: this.#publisher,
      ...this.#capture?.views,
      tls: () => this.#identities(TlsIdentities),
      log,
    });
    this.#metrics?.controlPlane(() => this.#controlPlane!.counts);
  }

  /** Loaded at need: most proxies have no routes. */
  async #loadRoutes({ routes, controlPlane, concurrency }: Config): Promise<void> {
    if (this.#routes !== undefined || (routes === undefined && controlPlane === undefined)) return;
    const { RoutePublisher } = await import("./route-publisher.ts");
    this.#routes = new RoutePublisher({
      workerCount: concurrency,
      broadcast: (message) => this.#threads.broadcast(message),
      onSeries: (series, number, counters) => this.#metrics?.routeSeries(series, number, counters),
    });
  }

  /** Loaded at need: most proxies speak clear text with their endpoints. */
  async #announceTls(config: Config): Promise<void> {
    if (this.#tls === undefined && config.clusters.every(({ tls }) => tls === undefined)) return;
    const { TlsIdentities } = await import("./tls-identities.ts");
    this.#identities(TlsIdentities).apply(config);
  }

  #identities(Identities: typeof TlsIdentities): TlsIdentities {
    this.#tls ??= new Identities({
      broadcast: (message) => {
        this.#threads.broadcast(message);
        this.#health.tlsChanged(message);
      },
      log: this.#options.log,
      onCertificates: (certificates) => this.#metrics?.ownCertificates(certificates),
      onReload: (succeeded) => this.#metrics?.certificatesReloaded(succeeded),
    });
    return this.#tls;
  }

  /** What a worker that takes the place of a dead one is told first: all that the others know. */
  *#stateForWorker(): Iterable<MainToWorker> {
    yield* settingsMessages(this.#reloader.running);
    if (this.#tls !== undefined) yield* this.#tls.messages();
    if (this.#capture !== undefined) yield* this.#capture.messages();
    yield* this.#publisher.messages();
    if (this.#routes?.message !== undefined) yield this.#routes.message;
    if (this.#authorities.message !== undefined) yield this.#authorities.message;
    if (this.#readiness.isSnapshotInForce) yield { kind: "snapshot-complete" };
  }

  #receive(worker: number, message: WorkerToMain): void {
    const { log } = this.#options;
    switch (message.kind) {
      case "epoch":
        return this.#slots.acknowledge(worker, message.endpointSlots, message.clusterSlots);
      case "drained":
        if (message.cutOff > 0)
          log.warn("streams were cut off by drain.limitMs", { streams: message.cutOff });
        return this.#departure.workerDrained(worker, message.cutOff);
      case "log":
        return log[message.level](message.message, { ...message.fields, worker });
      case "access-log":
        return this.#accessLog.write(message);
      case "traced":
        return this.#tracing.take(worker, message.batches, message.lost);
      case "authority-wanted":
        return this.#controlPlane?.want(message.authority);
      case "explained":
        return this.#explain.receive(worker, message);
    }
  }

  #listening({ name, address, port }: ListeningMessage, thread: number): void {
    this.#options.log.info("listening", { listener: name, address, port });
    if (name === CAPTURE_LISTENER) this.#capture?.listening(port);
    if (port > 0) this.#ownSockets.add({ kind: "ip", host: address, port });
    this.#progress(() => this.#readiness.listenerOpen(name, thread));
  }

  #progress(step: () => void): void {
    step();
    this.#capture?.stateChanged();
    if (this.#readiness.reason() === undefined) this.#started.resolve();
  }

  #gone(thread: number): void {
    this.#readiness.threadGone(thread);
    this.#capture?.stateChanged();
    if (thread === ACCEPTOR) return;
    this.#counters.retireWorker(thread, this.#publisher.clusters);
    this.#slots.workerGone(thread);
    this.#departure.workerDrained(thread);
  }

  #fail(error: ExitError): void {
    this.#end.reject(error);
  }
}
