import type { Server, Socket } from "node:net";
import { Slab } from "../base/slab.ts";
import { TimerWheel } from "../base/timer-wheel.ts";
import type { ConnectionState, Engine } from "../h2/connection-state.ts";
import { InternPool } from "../h2/hpack/intern-pool.ts";
import { StreamTable } from "../h2/stream/stream-table.ts";
import { SharedOutcomes } from "../lb/outlier/shared-outcomes.ts";
import type { Place } from "../lb/place.ts";
import type { SubsetColumns } from "../lb/subset/subset-columns.ts";
import { LoopTurn } from "../net/loop-turn.ts";
import type { SocketReads } from "../net/read-area.ts";
import { ReadArea } from "../net/read-area.ts";
import type { EndpointChanges } from "../resource/cluster-slots.ts";
import { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import type { Fleet } from "../resource/fleet.ts";
import type { TlsIdentity } from "../resource/tls-identity.ts";
import { AuthorityTable } from "../route/authority-table.ts";
import { RouteCache } from "../route/route-cache.ts";
import { ClusterCounters } from "../telemetry/cluster-counters.ts";
import { GuardCell } from "../telemetry/guard-cell.ts";
import { WorkerColumn } from "../telemetry/worker-counters.ts";
import { SERVER_MIN_PING_MS } from "../upstream/keepalive.ts";
import { TlsClients } from "../upstream/tls-clients.ts";
import { AccessLog } from "./access-log.ts";
import type { AskedAuthoritiesOptions } from "./authorities/asked-authorities.ts";
import { AskedAuthorities } from "./authorities/asked-authorities.ts";
import { ClusterRuntime } from "./cluster-runtime.ts";
import { ClusterSurroundings } from "./cluster-surroundings.ts";
import type { DataPlaneOptions } from "./data-plane-options.ts";
import { DeadlineTimer } from "./deadline-timer.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { DownstreamChannel } from "./downstream-channel.ts";
import { engineLimits } from "./engine-limits.ts";
import { fail } from "./exchange-fail.ts";
import { ExchangeTable } from "./exchange-table.ts";
import { Explainer } from "./explain/explainer.ts";
import { giveUp } from "./give-up.ts";
import { Guard } from "./guard/guard.ts";
import { GUARD_DEFAULTS } from "./guard/guard-options.ts";
import { ClusterReportsTable } from "./load-reports/cluster-reports-table.ts";
import { LoadReportSweep } from "./load-reports/load-report-sweep.ts";
import { OutlierWatch } from "./outlier-watch.ts";
import { FrontDoor } from "./port/front-door.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { PROXY_ERRORS } from "./proxy-error.ts";
import { Reception } from "./reception.ts";
import { relieve } from "./relief.ts";
import { RequestHash } from "./request-hash.ts";
import type { RouteUpdate } from "./routes/route-update.ts";
import { SharedSetAside } from "./shared-set-aside.ts";
import { CallTracer } from "./tracing/call-tracer.ts";
import { Upstreams } from "./upstreams.ts";

/** Streams a worker holds at most, both directions together. */
const MAX_STREAMS = 131_072;
const SCRATCH_OCTETS = 262_144;
const REPLY_SCRATCH_OCTETS = 16_384;
const INTERN_ENTRIES = 4096;
/** Share of the budget that copies and queues may fill. */
const SOFT_SHARE = 0.85;

/** The data plane of one worker: clusters in, sockets in, streams balanced. No timer or clock of its own but its turn. */
export class DataPlane {
  readonly #options: DataPlaneOptions;
  readonly #context: ProxyContext;
  readonly #dispatcher: Dispatcher;
  readonly #upstreams: Upstreams;
  readonly #guard: Guard;
  readonly #reportSweep: LoadReportSweep;
  readonly #frontDoor: FrontDoor;
  /** Where sockets come in, and who is behind those that were captured. */
  readonly reception: Reception;
  readonly #downstream = new Set<DownstreamChannel>();
  readonly #deadlines: DeadlineTimer;
  readonly #onIdle = (connection: ConnectionState, slot: number): void =>
    giveUp(this.#context, this.#dispatcher, connection, slot, PROXY_ERRORS.idleTimeout);
  readonly #sharedSetAside: SharedSetAside;
  readonly #around: ClusterSurroundings;

  constructor(options: DataPlaneOptions) {
    this.#options = options;
    this.#sharedSetAside = new SharedSetAside(options.endpoints);
    const slab = new Slab({ capacityOctets: options.slabOctets, poison: options.poison });
    const streams = new StreamTable(slab, MAX_STREAMS);
    const time = { nowMs: options.nowMs(), earliestDueMs: Number.POSITIVE_INFINITY };
    const engine: Engine = {
      slab,
      pool: new InternPool(slab, { maxEntries: INTERN_ENTRIES }),
      streams,
      limits: engineLimits(slab.capacityOctets, options.maxRequestBodyOctets ?? 0),
      time,
      connections: [],
      scratch: slab.alloc(SCRATCH_OCTETS),
      scratchOctets: SCRATCH_OCTETS,
      grownOctets: 0,
      frugal: false,
      softCapacityOctets: slab.capacityOctets * SOFT_SHARE,
      relieve: () => relieve(this.#context, this.#dispatcher),
    };
    const turn = new LoopTurn(options.nowMs);
    const replyScratch = slab.alloc(REPLY_SCRATCH_OCTETS);
    const chance = { sampling: options.random, ids: options.ids ?? options.random };
    const tracer = new CallTracer(engine, replyScratch, options.workerIndex, chance, options.wallMs);
    this.#context = {
      engine,
      turn,
      area: new ReadArea(slab),
      tick: () => {
        time.nowMs = options.nowMs();
      },
      random: options.random,
      time,
      exchanges: new ExchangeTable(slab, MAX_STREAMS + 1),
      deadlines: new TimerWheel(MAX_STREAMS + 1, time.nowMs),
      attemptTimers: new TimerWheel(MAX_STREAMS + 1, time.nowMs),
      authorities: new AuthorityTable(),
      routeCache: new RouteCache(INTERN_ENTRIES + 1),
      askedAuthorities: undefined,
      routes: undefined,
      identity: undefined,
      clusters: [],
      releaseCluster: (clusterSlot) => {
        const { clusters, subchannels } = this.#context;
        const cluster = clusters[clusterSlot];
        if (!cluster?.removed || cluster.exchanges > 0) return;
        // Connections on their way out are still counted in the cluster's row.
        if (subchannels.some((subchannel) => subchannel?.options.clusterSlot === clusterSlot)) return;
        clusters[clusterSlot] = undefined;
        options.onClusterReleased(clusterSlot);
      },
      subchannels: [],
      reach: (cluster, slot) => this.#upstreams.reach(cluster, slot),
      upstreams: [],
      tlsClients: new TlsClients(options.maxTlsHandshakes),
      onTlsFailure: options.onTlsFailure ?? (() => {}),
      downstream: this.#downstream,
      arrivals: new Set(),
      overload: options.overload ?? new Int32Array(1),
      minPingMs: options.minPingMs ?? SERVER_MIN_PING_MS,
      accessLog: new AccessLog(options.random, options.wallMs),
      tracer,
      explain: new Explainer({
        ...options,
        node: options.node ?? "",
        traced: tracer,
        cluster: (clusterSlot) => this.#context.clusters[clusterSlot],
      }),
      endpoints: options.endpoints,
      outliers: new OutlierWatch(
        options.endpoints,
        options.outcomes ?? new SharedOutcomes(options.workerCount),
        options.workerIndex,
      ),
      loadReports: new ClusterReportsTable(),
      workerIndex: options.workerIndex,
      endpointRow: options.endpoints.rowStart(options.workerIndex),
      workerRow: options.workerRow,
      replyScratch,
    };
    const place = { node: options.node ?? "", zone: options.zone, region: options.region ?? "" };
    const { clusters, endpoints, outliers } = this.#context;
    this.#around = new ClusterSurroundings(
      clusters,
      place,
      this.#sharedSetAside.verdict,
      endpoints.loadSources(outliers.penalty),
      options.policyModules,
      (work) => turn.doInShares(work),
    );
    const guard = options.guard ?? GUARD_DEFAULTS;
    this.#guard = new Guard(this.#context, guard);
    this.#dispatcher = new Dispatcher(this.#context);
    this.#reportSweep = new LoadReportSweep(this.#context);
    this.#deadlines = new DeadlineTimer(this.#context, this.#dispatcher);
    this.#frontDoor = new FrontDoor(this.#context, this.#dispatcher, {
      ...options.port,
      limits: { headLimitMs: guard.handshakeTimeoutMs, ...options.port?.limits },
    });
    this.reception = new Reception(
      this.#context,
      this.#dispatcher,
      this.#guard,
      this.#frontDoor,
      this.#downstream,
      {
        keepaliveTimeMs: guard.keepaliveTimeMs,
        capture: options.capture,
        onDownstreamGone: options.onDownstreamGone,
      },
    );
    this.#upstreams = new Upstreams(
      this.#context,
      this.#dispatcher,
      options.zone,
      options.onEndpointReleased,
    );
    turn.beforeFlush = () => {
      this.#dispatcher.run();
      this.#deadlines.arm();
    };
  }

  /** Records of finished requests. */
  get accessLog(): AccessLog {
    return this.#context.accessLog;
  }

  /** Calls that are traced. */
  get tracer(): CallTracer {
    return this.#context.tracer;
  }

  /** How picks are recorded and explained. */
  get explain(): Explainer {
    return this.#context.explain;
  }

  /** Streams in progress, both directions. */
  get streams(): number {
    return this.#context.engine.streams.used;
  }

  /** How sockets are read from now on; those that are open stay as they are. */
  set socketReads(reads: SocketReads) {
    this.#context.area.reads = reads;
  }

  /** Octets that stream windows have grown by beyond what they began with. */
  get grownWindowOctets(): number {
    return this.#context.engine.grownOctets;
  }

  /** Takes a TLS identity, or other certificates for it: connections that stand go on. Before a cluster that uses it. */
  setTlsIdentity(identity: TlsIdentity): void {
    this.#context.tlsClients.set(identity);
  }

  /** Forgets an identity that no cluster uses any more. */
  removeTlsIdentity(number: number): void {
    this.#context.tlsClients.remove(number);
  }

  /** Takes a cluster, new or changed. @param changes since the version that it has; default: found by comparing. */
  applyCluster(
    buffer: SharedArrayBuffer,
    counters: SharedArrayBuffer,
    changes?: EndpointChanges,
    subset?: SubsetColumns,
  ): void {
    const { clusters, authorities, exchanges, time } = this.#context;
    this.#context.tick();
    const snapshot = new ClusterSnapshot(buffer);
    const present = clusters[snapshot.clusterSlot];
    this.#around.setSubset(snapshot.name, subset);
    this.#context.loadReports.apply(snapshot);
    this.#upstreams.apply(snapshot, present?.snapshot, changes);
    let cluster = present;
    if (cluster === undefined) {
      const { workerCount, workerIndex, capture } = this.#options;
      const rows = new ClusterCounters(workerCount, counters, capture !== undefined);
      const { links } = exchanges;
      cluster = new ClusterRuntime(snapshot, rows.row(workerIndex), links, this.#around, time.nowMs);
      if (workerCount > 1) cluster.counters = rows;
      clusters[snapshot.clusterSlot] = cluster;
      authorities.set(snapshot.name, snapshot.clusterSlot);
    } else cluster.update(snapshot, time.nowMs);
    cluster.hash = RequestHash.of(this.#context.engine, snapshot.settings.loadBalancing);
    this.#context.outliers.apply(cluster, changes?.joined);
    this.#dispatcher.wake(cluster);
  }

  /** Has requests for authorities that are not known wait until somebody who was asked has word of them. */
  askFor(options: AskedAuthoritiesOptions): AskedAuthorities {
    return AskedAuthorities.begin(this.#context, options);
  }

  /** A policy's module has come. */
  policyChanged(policy: string): void {
    this.#around.policyChanged(policy);
  }

  /** The other proxies that send to a cluster, default: to the same services; undefined: there are none. */
  setFleet(
    fleet: Fleet | undefined,
    cluster?: string,
    subsets?: Iterable<readonly [string, SubsetColumns]>,
  ): void {
    this.#around.setFleet(fleet, cluster, subsets);
  }

  /** It runs elsewhere than was thought: other endpoints are near from now on. */
  moveTo(place: Omit<Place, "node">): void {
    this.#upstreams.moveTo(place.zone);
    this.#around.moveTo(place);
  }

  /** Forgets a cluster: its name is unknown from now on, its streams finish. */
  removeCluster(clusterSlot: number): void {
    const { clusters, authorities } = this.#context;
    const cluster = clusters[clusterSlot];
    if (cluster === undefined) return;
    cluster.removed = true;
    authorities.delete(cluster.snapshot.name);
    this.#around.setSubset(cluster.snapshot.name, undefined);
    this.#upstreams.remove(cluster.snapshot);
    this.#context.loadReports.remove(clusterSlot);
    this.#context.outliers.remove(clusterSlot);
    for (const { queue } of [cluster, ...cluster.waitingSets]) {
      while (queue.head !== 0) {
        const slot = queue.head;
        this.#dispatcher.leaveWaiting(slot);
        fail(this.#context, slot, PROXY_ERRORS.noEndpoint, cluster.snapshot.name);
      }
    }
    this.#context.releaseCluster(clusterSlot);
  }

  /** Takes routes, for requests that come from now on. */
  async applyRoutes(update: RouteUpdate): Promise<void> {
    // Loaded at need: most proxies have no routes.
    const { RouteRuntime } = await import("./routes/route-runtime.ts");
    const { routes } = this.#context;
    if (routes !== undefined) routes.update(update);
    else this.#context.routes = new RouteRuntime(this.#context, this.#options, MAX_STREAMS + 1, update);
  }

  /** Serves clients of a listening server made with `pauseOnConnect`. @param listener its name. */
  serve(server: Server, listener = ""): void {
    server.on("connection", (socket) => this.accept(socket, listener));
    server.on("error", () => this.acceptFailed());
  }

  /** A connection could not be accepted, for want of file descriptors above all. */
  acceptFailed(): void {
    this.#frontDoor.countAcceptError();
  }

  /** Serves one accepted, paused socket. @param listener name of the listener it came in by. */
  accept(socket: Socket, listener = ""): void {
    this.reception.accept(socket, listener);
  }

  /** Starts the two-phase goodbye on every client connection. */
  drain(): void {
    this.reception.drain();
    this.#frontDoor.drain();
  }

  /** Client connections that are open. */
  get downstreamConnections(): number {
    return this.#downstream.size + this.#frontDoor.size;
  }

  /** Closes what is left, and says so. @returns requests cut off. */
  cutOff(): number {
    const { streams } = this.#context.engine;
    let requests = this.#frontDoor.cutOff();
    for (const { connection, channel } of this.#downstream) {
      for (let slot = connection.state.firstStream; slot !== 0; ) {
        const next = streams.next[slot]!;
        giveUp(this.#context, this.#dispatcher, connection.state, slot, PROXY_ERRORS.draining);
        requests++;
        slot = next;
      }
      channel.end();
    }
    return requests;
  }

  /**
   * What is done several times a second and not event by event: gauges are written, and endpoints that another worker has
   * set aside or taken back since leave or join the candidates.
   */
  sample(): void {
    const { engine, workerRow, outliers } = this.#context;
    outliers.sample(this.#options.nowMs());
    this.#sharedSetAside.follow(this.#context.clusters, (cluster) => this.#dispatcher.wake(cluster));
    this.#around.balance(this.#options.nowMs());
    this.#dispatcher.wakeLimited();
    if (engine.streams.used === 0) engine.pool.timeouts.clear();
    workerRow[WorkerColumn.streamsStarted] = this.#context.exchanges.begun;
    workerRow[WorkerColumn.slabUsedOctets] = engine.slab.usedOctets;
    workerRow[WorkerColumn.slabCapacityOctets] = engine.slab.capacityOctets;
    workerRow[WorkerColumn.guard + GuardCell.slabTouchedOctets] = engine.slab.touchedOctets;
  }

  /** Looks after silent and slow clients and silent endpoints; to be called about four times a second. */
  sweep(): void {
    this.#guard.sweep();
    this.reception.sweep();
    this.#reportSweep.sweep();
    this.#frontDoor.sweep(this.#context.time.nowMs);
    this.#context.routes?.sweep(this.#context.time.nowMs);
    this.#dispatcher.attempts.idle.sweep(this.#onIdle);
  }
}
