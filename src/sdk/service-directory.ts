import type { Clock } from "../base/clock.ts";
import { monotonicClock } from "../base/clock.ts";
import { SeededRandom } from "../base/random.ts";
import { PickRecorder } from "../lb/record/pick-recorder.ts";
import type { Cluster } from "../resource/cluster.ts";
import { SlotLimitError } from "../resource/slot-limit-error.ts";
import { VERSION } from "../telemetry/version.ts";
import { GrpcAdsTransport } from "../xds/client/grpc-ads-transport.ts";
import { KnowledgeKeeper } from "../xds/client/knowledge-keeper.ts";
import { LoadReader } from "../xds/client/load-reader.ts";
import { LoadReportClient } from "../xds/client/load-report-client.ts";
import type { AuthorityTarget } from "../xds/client/resolve-authority.ts";
import { XdsClient } from "../xds/client/xds-client.ts";
import { ISOBAR_CLIENT_USER_AGENT } from "../xds/resources/client-kind.ts";
import type { XdsNode } from "../xds/resources/delta-request.ts";
import { AuthorityView } from "./authority-view.ts";
import { ClientCredentials } from "./client-credentials.ts";
import { clientLog } from "./client-log.ts";
import type { ClientSettings } from "./client-options.ts";
import { ClusterBalance } from "./cluster-balance.ts";
import { EndpointTable } from "./endpoint-table.ts";
import type { BalancedService } from "./isobar-load-balancer.ts";
import type { ResolverSurroundings } from "./isobar-resolver.ts";

/** How often load is looked at, as in the proxy. */
const TICK_MS = 100;
/** How long a service is asked for that no channel is open for any more: many programs close a channel to open the next. */
const LINGER_MS = 30_000;
/** Records of picks that are kept, where a sample is taken. */
const RECORDS = 4_096;

/** The services that this process calls: asks a control plane for them, keeps what is known of them, and hands it to channels. */
export class ServiceDirectory implements ResolverSurroundings {
  readonly settings: ClientSettings;
  readonly clusters: Map<string, ClusterBalance> = new Map<string, ClusterBalance>();
  readonly table: EndpointTable = new EndpointTable();
  readonly recorder: PickRecorder;
  readonly clock: Clock = monotonicClock;
  readonly #views = new Map<string, AuthorityView>();
  readonly #random: SeededRandom;
  readonly #log: ReturnType<typeof clientLog>;
  readonly #client: XdsClient | undefined;
  #reports: LoadReportClient | undefined;
  readonly #keeper: KnowledgeKeeper | undefined;
  readonly #started: Promise<void>;
  readonly #lingering = new Map<AuthorityView, NodeJS.Timeout>();
  #ticking: NodeJS.Timeout | undefined;
  #problem = "";

  constructor(settings: ClientSettings) {
    this.settings = settings;
    this.#log = clientLog(settings.log);
    this.#random = new SeededRandom(settings.seed);
    this.recorder = new PickRecorder(new SeededRandom(settings.seed ^ 0x5bd1e995));
    this.recorder.configure({ sample: settings.explainSample, ring: RECORDS });
    this.#client = settings.controlPlane.length === 0 ? undefined : this.#makeClient(settings);
    if (this.#client !== undefined && settings.snapshotFile !== "") {
      this.#keeper = new KnowledgeKeeper({
        path: settings.snapshotFile,
        maxStaleMs: settings.maxStaleMs,
        client: this.#client,
        log: this.#log,
        want: (authority) => this.#restored(authority),
        onSaved: () => {},
      });
    }
    this.#started = this.#start();
  }

  /** Stands for this process where calls are told apart by their source. */
  get self(): string {
    return this.settings.id;
  }

  /** The services that channels are open for. */
  get views(): Iterable<AuthorityView> {
    return this.#views.values();
  }

  /** The control plane, where there is one; undefined where none is configured. */
  get controlPlane(): { readonly address: string; readonly connected: boolean } | undefined {
    const client = this.#client;
    return client === undefined ? undefined : { address: client.address, connected: client.isConnected };
  }

  /** @see ResolverSurroundings.acquire */
  acquire(authority: string): AuthorityView {
    const view = this.#viewOf(authority);
    view.users++;
    clearTimeout(this.#lingering.get(view));
    this.#lingering.delete(view);
    this.#ticking ??= setInterval(() => this.#tick(), TICK_MS).unref();
    return view;
  }

  /** @see ResolverSurroundings.release */
  release(view: AuthorityView): void {
    if (--view.users > 0) return;
    this.#linger(view);
  }

  /** @see ResolverSurroundings.serviceOf */
  serviceOf(view: AuthorityView): BalancedService {
    const { clusters, table, recorder, clock, settings } = this;
    const { address: nodeAddress } = settings;
    return { view, clusters, table, recorder, clock, nodeAddress, random: this.#random };
  }

  /** Asks for nothing any more, and writes what is to be kept. Channels that are open go on with what they know. */
  async close(): Promise<void> {
    await this.#started;
    clearInterval(this.#ticking);
    for (const timer of this.#lingering.values()) clearTimeout(timer);
    this.#reports?.close();
    await this.#keeper?.close();
    this.#client?.close();
  }

  async #start(): Promise<void> {
    await this.#keeper?.restore();
    this.#client?.start();
    if (this.#client !== undefined) this.#reports = this.#report(this.#client);
  }

  /** Tells the control plane what calls come to, where it asks for that: who balances beside this process knows of it then. */
  #report(client: XdsClient): LoadReportClient {
    const { clock, clusters, table, settings } = this;
    const reader = new LoadReader(
      (name) => {
        const cluster = clusters.get(name);
        return cluster === undefined ? undefined : { snapshot: cluster.snapshot, attempts: Number.NaN };
      },
      table.counters,
      () => clock.nowMs(),
    );
    return new LoadReportClient({
      node: nodeOf(settings),
      open: (owner) => client.openReports(owner),
      wanted: () => client.reportedClusters,
      read: (names) => reader.read(names),
      onEnd: (reason) => {
        reader.forget();
        this.#log.debug("load is not reported", { reason });
      },
    });
  }

  #makeClient(settings: ClientSettings): XdsClient {
    const log = this.#log;
    const credentials = new ClientCredentials(settings);
    const transport = new GrpcAdsTransport(
      () => credentials.tls(),
      () => credentials.token(),
      false,
    );
    const { holdBackMs, snapshotFile, controlPlane } = settings;
    return new XdsClient({
      addresses: controlPlane,
      transport,
      node: nodeOf(settings),
      clock: this.clock,
      random: this.#random,
      holdBackMs,
      keepOctets: snapshotFile !== "",
      sink: {
        upsert: (cluster) => this.#upsert(cluster),
        remove: (name) => this.#remove(name),
        routes: () => {},
        authority: (authority, target) => this.#take(authority, target),
      },
      events: {
        onConnected: (address) => {
          if (this.#problem !== "") log.info("the control plane answers again", { address });
          this.#problem = "";
        },
        onDisconnected: (address, reason) => {
          // Every attempt fails for the same reason: it is said once.
          if (this.#problem === "")
            log.warn("no control plane, what is known stays in force", { address, reason });
          this.#problem = `${address}: ${reason}`;
        },
        onAnswer: (type, problem) => {
          if (problem !== "")
            log.error("resources refused, the last good ones stay in force", { type, problem });
        },
        onHeldBack: (cluster, held) => {
          if (held > 0)
            log.warn("an update takes most endpoints away, they stay for a while", {
              cluster,
              endpoints: held,
            });
        },
        onChange: () => this.#keeper?.changed(),
      },
    });
  }

  #viewOf(authority: string): AuthorityView {
    const known = this.#views.get(authority);
    if (known !== undefined) return known;
    const view = new AuthorityView(authority, {
      clusters: this.clusters,
      random: this.#random,
      self: this.self,
    });
    this.#views.set(authority, view);
    if (this.#client === undefined) {
      view.giveUpWaiting("");
      return view;
    }
    void this.#started.then(() => {
      if (this.#views.get(authority) === view) this.#client!.want(authority);
    });
    const { address, fallbackAfterMs } = this.settings;
    const timer = setTimeout(() => {
      if (view.state !== "asking") return;
      const wait = `no answer within ${fallbackAfterMs} ms`;
      const reason = this.#problem === "" ? wait : `${wait} (${this.#problem})`;
      const goes = address === "" ? "calls fail" : "calls go to the node's proxy until there is one";
      this.#log.warn(`no control plane has said where the service is, ${goes}`, {
        service: authority,
        reason,
        address,
      });
      view.giveUpWaiting(address === "" ? `no control plane has said where it is: ${reason}` : "");
    }, fallbackAfterMs);
    timer.unref();
    return view;
  }

  /** The snapshot on disk has a service that was in use: it stays if somebody opens a channel for it soon. */
  #restored(authority: string): void {
    if (this.#views.has(authority)) {
      this.#client!.want(authority);
      return;
    }
    const view = new AuthorityView(authority, {
      clusters: this.clusters,
      random: this.#random,
      self: this.self,
    });
    this.#views.set(authority, view);
    this.#client!.want(authority);
    this.#linger(view);
  }

  #linger(view: AuthorityView): void {
    const timer = setTimeout(() => this.#forget(view), LINGER_MS);
    timer.unref();
    this.#lingering.set(view, timer);
  }

  #forget(view: AuthorityView): void {
    this.#lingering.delete(view);
    if (view.users > 0) return;
    this.#views.delete(view.name);
    this.#client?.drop(view.name);
    if (this.#views.size > 0) return;
    clearInterval(this.#ticking);
    this.#ticking = undefined;
  }

  #upsert(given: Cluster): void {
    // Connections are grpc-js' own, which makes new ones as it likes: what may not be connected to is not there for it.
    const cluster = given.maxConnectionsPerEndpoint === 0 ? { ...given, endpoints: [] } : given;
    const { table, clock, clusters } = this;
    const { name } = cluster;
    const nowMs = clock.nowMs();
    const known = clusters.get(name);
    try {
      const snapshot = table.list(cluster, known?.snapshot, nowMs);
      if (known === undefined) clusters.set(name, new ClusterBalance(snapshot, this.#around(), nowMs));
      else if (known.snapshot.contentHash === snapshot.contentHash) return;
      else known.update(snapshot, nowMs);
    } catch (error) {
      if (!(error instanceof SlotLimitError)) throw error;
      this.#log.error("an update has too many endpoints, what was known before stays in force", {
        cluster: name,
        error,
      });
      return;
    }
    for (const view of this.#views.values()) view.clusterChanged(name);
  }

  #around() {
    const { node, zone, region } = this.settings;
    return {
      table: this.table,
      place: { node, zone, region },
      random: this.#random,
      onEjection: (cluster: string, endpoint: string, reason: string, seconds: number) => {
        if (reason === "") this.#log.info("ejected endpoint taken back", { cluster, endpoint });
        else this.#log.warn("endpoint ejected", { cluster, endpoint, reason, seconds });
      },
    };
  }

  #remove(name: string): void {
    const cluster = this.clusters.get(name);
    if (cluster === undefined) return;
    this.clusters.delete(name);
    cluster.isRemoved = true;
    cluster.watch.close();
    this.table.remove(cluster.snapshot);
    for (const view of this.#views.values()) view.clusterChanged(name);
  }

  #take(authority: string, target: AuthorityTarget): void {
    this.#views.get(authority)?.take(target);
  }

  #tick(): void {
    const nowMs = this.clock.nowMs();
    this.table.sweep(nowMs);
    for (const cluster of this.clusters.values()) cluster.tick(nowMs);
  }
}

/** Who this process is for a control plane. */
function nodeOf({ id, zone, region }: ClientSettings): XdsNode {
  return { id, zone, region, userAgentName: ISOBAR_CLIENT_USER_AGENT, userAgentVersion: VERSION };
}
