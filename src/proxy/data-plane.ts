import type { Server, Socket } from "node:net";
import type { Random } from "../base/random.ts";
import { Slab } from "../base/slab.ts";
import { TimerWheel } from "../base/timer-wheel.ts";
import type { Engine } from "../h2/connection-state.ts";
import { ErrorCode } from "../h2/error-code.ts";
import { InternPool } from "../h2/hpack/intern-pool.ts";
import { StreamTable } from "../h2/stream/stream-table.ts";
import type { H2Channel } from "../net/h2-channel.ts";
import { LoopTurn } from "../net/loop-turn.ts";
import type { SocketReads } from "../net/read-area.ts";
import { ReadArea } from "../net/read-area.ts";
import { SocketTransport } from "../net/socket-transport.ts";
import type { Transport, TransportOwner } from "../net/transport.ts";
import { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import type { TlsIdentity } from "../resource/tls-identity.ts";
import { AuthorityTable } from "../route/authority-table.ts";
import { RouteCache } from "../route/route-cache.ts";
import { ClusterCounters } from "../telemetry/cluster-counters.ts";
import type { EndpointCounters } from "../telemetry/endpoint-counters.ts";
import { GuardCell } from "../telemetry/guard-cell.ts";
import { WorkerColumn } from "../telemetry/worker-counters.ts";
import { SERVER_MIN_PING_MS } from "../upstream/keepalive.ts";
import { TlsClients } from "../upstream/tls-clients.ts";
import { AccessLog } from "./access-log.ts";
import { ClusterRuntime } from "./cluster-runtime.ts";
import { Dispatcher } from "./dispatcher.ts";
import { DownstreamChannel } from "./downstream-channel.ts";
import { engineLimits } from "./engine-limits.ts";
import { abandonUpstream, fail } from "./exchange-fail.ts";
import { ExchangeTable, Phase } from "./exchange-table.ts";
import { giveUp } from "./give-up.ts";
import type { Caller } from "./guard/caller.ts";
import { Guard } from "./guard/guard.ts";
import type { GuardOptions } from "./guard/guard-options.ts";
import { GUARD_DEFAULTS } from "./guard/guard-options.ts";
import type { FrontDoorOptions } from "./port/front-door.ts";
import { FrontDoor } from "./port/front-door.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { PROXY_ERRORS } from "./proxy-error.ts";
import { relieve } from "./relief.ts";
import { SharedSetAside } from "./shared-set-aside.ts";
import type { TlsFailure } from "./tls-failure.ts";
import { Upstreams } from "./upstreams.ts";

/** Streams a worker holds at most, both directions together. */
const MAX_STREAMS = 131_072;
const SCRATCH_OCTETS = 262_144;
const REPLY_SCRATCH_OCTETS = 16_384;
const INTERN_ENTRIES = 4096;
/** The longest a timer can wait; deadlines may be centuries away. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** Share of the budget that copies and queues may fill. */
const SOFT_SHARE = 0.85;

/** What a data plane is made of. */
export interface DataPlaneOptions {
  readonly workerIndex: number;
  readonly workerCount: number;
  /** The node's zone, "" for none. */
  readonly zone: string;
  readonly slabOctets: number;
  readonly poison: boolean;
  /** Octets of a request's body at most; default 0: no limit. */
  readonly maxRequestBodyOctets?: number;
  /** Limits of clients, and how silent ones are looked after; default: GUARD_DEFAULTS. */
  readonly guard?: GuardOptions;
  /** The words of an OverloadState; default: memory is never short. */
  readonly overload?: Int32Array;
  /** Least time between two PINGs an endpoint has not spoken between; default: SERVER_MIN_PING_MS. For tests. */
  readonly minPingMs?: number;
  /** TLS handshakes with endpoints at once; default 8. */
  readonly maxTlsHandshakes?: number;
  /** Told of every connection that TLS kept from coming about; default: nobody is. */
  readonly onTlsFailure?: (failure: TlsFailure) => void;
  readonly nowMs: () => number;
  /** Milliseconds since 1970, for log records. */
  readonly wallMs: () => number;
  readonly random: Random;
  readonly endpoints: EndpointCounters;
  /** This worker's row. */
  readonly workerRow: Float64Array;
  /** No stream is on that endpoint slot any more. */
  readonly onEndpointReleased: (slot: number) => void;
  /** A removed cluster's last exchange has ended. */
  readonly onClusterReleased: (clusterSlot: number) => void;
  /** What the listeners are, and who helps with what is not HTTP/2. */
  readonly port?: FrontDoorOptions;
  /** A client's connection has ended, and {@link DataPlane.downstreamConnections} is one less. */
  readonly onDownstreamGone?: () => void;
}

/** The data plane of one worker: clusters in, sockets in, streams balanced. No timer or clock of its own but its turn. */
export class DataPlane {
  readonly #options: DataPlaneOptions;
  readonly #context: ProxyContext;
  readonly #dispatcher: Dispatcher;
  readonly #upstreams: Upstreams;
  readonly #guard: Guard;
  readonly #frontDoor: FrontDoor;
  readonly #downstream = new Set<DownstreamChannel>();
  readonly #onDeadline = (slot: number): void => this.#deadline(slot);
  #deadlineTimer: NodeJS.Timeout | undefined;
  #deadlineAtMs = Number.POSITIVE_INFINITY;
  #draining = false;
  readonly #sharedSetAside: SharedSetAside;

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
    const turn = new LoopTurn();
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
      authorities: new AuthorityTable(),
      routeCache: new RouteCache(INTERN_ENTRIES + 1),
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
      upstreams: [],
      tlsClients: new TlsClients(options.maxTlsHandshakes),
      onTlsFailure: options.onTlsFailure ?? (() => {}),
      downstream: this.#downstream,
      arrivals: new Set(),
      overload: options.overload ?? new Int32Array(1),
      minPingMs: options.minPingMs ?? SERVER_MIN_PING_MS,
      accessLog: new AccessLog(options.random, options.wallMs),
      endpoints: options.endpoints,
      endpointRow: options.endpoints.rowStart(options.workerIndex),
      workerRow: options.workerRow,
      replyScratch: slab.alloc(REPLY_SCRATCH_OCTETS),
    };
    const guard = options.guard ?? GUARD_DEFAULTS;
    this.#guard = new Guard(this.#context, guard);
    this.#dispatcher = new Dispatcher(this.#context);
    this.#frontDoor = new FrontDoor(this.#context, this.#dispatcher, {
      ...options.port,
      limits: { headLimitMs: guard.handshakeTimeoutMs, ...options.port?.limits },
    });
    this.#upstreams = new Upstreams(
      this.#context,
      this.#dispatcher,
      options.zone,
      options.onEndpointReleased,
    );
    turn.beforeFlush = () => {
      this.#dispatcher.run();
      this.#armDeadlines();
    };
  }

  /** Records of finished requests. */
  get accessLog(): AccessLog {
    return this.#context.accessLog;
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

  /** Takes a cluster, new or changed. */
  applyCluster(buffer: SharedArrayBuffer, counters: SharedArrayBuffer): void {
    const { clusters, authorities, exchanges, time } = this.#context;
    this.#context.tick();
    const snapshot = new ClusterSnapshot(buffer);
    const present = clusters[snapshot.clusterSlot];
    this.#upstreams.apply(snapshot, present?.snapshot);
    if (present !== undefined) {
      present.update(snapshot);
      this.#dispatcher.wake(present);
      return;
    }
    const { workerCount, workerIndex, zone } = this.#options;
    const row = new ClusterCounters(workerCount, counters).row(workerIndex);
    clusters[snapshot.clusterSlot] = new ClusterRuntime(
      snapshot,
      row,
      exchanges.links,
      zone,
      this.#sharedSetAside.isAside,
      time.nowMs,
    );
    authorities.set(snapshot.name, snapshot.clusterSlot);
  }

  /** Forgets a cluster: its name is unknown from now on, its streams finish. */
  removeCluster(clusterSlot: number): void {
    const { clusters, authorities } = this.#context;
    const cluster = clusters[clusterSlot];
    if (cluster === undefined) return;
    cluster.removed = true;
    authorities.delete(cluster.snapshot.name);
    this.#upstreams.remove(cluster.snapshot);
    while (cluster.queue.head !== 0) {
      const slot = cluster.queue.head;
      this.#dispatcher.leaveWaiting(slot);
      fail(this.#context, slot, PROXY_ERRORS.noEndpoint, cluster.snapshot.name);
    }
    this.#context.releaseCluster(clusterSlot);
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
    const { engine, area } = this.#context;
    this.#context.tick();
    const door = this.#frontDoor.admit(socket, listener);
    if (door === undefined) return;
    const caller = this.#guard.enter(socket.remoteAddress);
    if (caller === undefined) {
      socket.destroy();
      return;
    }
    const { keepaliveTimeMs } = this.#options.guard ?? GUARD_DEFAULTS;
    // The kernel asks for us whether the machine at the other end is still there: it costs the process nothing.
    if (keepaliveTimeMs > 0) socket.setKeepAlive(true, keepaliveTimeMs);
    const open = (owner: TransportOwner): Transport =>
      SocketTransport.accept(engine.slab, area, socket, owner);
    const onGone = (): void => {
      this.#guard.leave(caller);
      this.#options.onDownstreamGone?.();
    };
    const openHttp2 = (openTransport: typeof open, clusterSlot: number): H2Channel =>
      this.#openHttp2(openTransport, clusterSlot, caller, onGone);
    this.#frontDoor.arrive(door, { caller, openHttp2, onGone }, open);
  }

  #openHttp2(
    openTransport: (owner: TransportOwner) => Transport,
    clusterSlot: number,
    caller: Caller,
    onGone: () => void,
  ): H2Channel {
    const channel = new DownstreamChannel(
      this.#context,
      this.#dispatcher,
      openTransport,
      (gone) => {
        this.#downstream.delete(gone);
        this.#guard.forget(gone);
        onGone();
      },
      caller,
      this.#guard.watch(),
      clusterSlot,
    );
    this.#downstream.add(channel);
    if (this.#draining) channel.drain();
    return channel.channel;
  }

  /** Starts the two-phase goodbye on every client connection. */
  drain(): void {
    this.#draining = true;
    for (const channel of this.#downstream) channel.drain();
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
    const { engine, workerRow } = this.#context;
    this.#sharedSetAside.follow(this.#context.clusters, (cluster) => this.#dispatcher.wake(cluster));
    workerRow[WorkerColumn.streamsStarted] = this.#context.exchanges.begun;
    workerRow[WorkerColumn.slabUsedOctets] = engine.slab.usedOctets;
    workerRow[WorkerColumn.slabCapacityOctets] = engine.slab.capacityOctets;
    workerRow[WorkerColumn.guard + GuardCell.slabTouchedOctets] = engine.slab.touchedOctets;
  }

  /** Looks after silent and slow clients and silent endpoints; to be called about four times a second. */
  sweep(): void {
    this.#guard.sweep();
    this.#frontDoor.sweep(this.#context.time.nowMs);
  }

  /** Sees to it that the deadline timer runs by the earliest deadline. A timer that fires for nothing re-arms itself:
   * moving it for each request would cost more than a spare wake-up. */
  #armDeadlines(): void {
    const { time } = this.#context;
    if (time.earliestDueMs >= this.#deadlineAtMs) return;
    clearTimeout(this.#deadlineTimer);
    this.#deadlineAtMs = time.earliestDueMs;
    const wait = Math.min(Math.max(1, time.earliestDueMs - time.nowMs), MAX_TIMER_MS);
    this.#deadlineTimer = setTimeout(() => this.#expireDeadlines(), wait);
  }

  #expireDeadlines(): void {
    const { deadlines, time, turn, tick } = this.#context;
    this.#deadlineAtMs = Number.POSITIVE_INFINITY;
    time.earliestDueMs = Number.POSITIVE_INFINITY;
    tick();
    deadlines.expire(time.nowMs, this.#onDeadline);
    const wait = deadlines.nextMs(time.nowMs);
    if (wait >= 0) time.earliestDueMs = time.nowMs + wait;
    turn.schedule();
  }

  #deadline(slot: number): void {
    const { exchanges, clusters } = this.#context;
    exchanges.dueMs[slot] = 0;
    const phase = exchanges.phase[slot];
    if (phase === Phase.answered || phase === Phase.none) return;
    if (phase === Phase.attached) abandonUpstream(this.#context, slot, ErrorCode.cancel);
    else this.#dispatcher.leaveWaiting(slot);
    const name = clusters[exchanges.cluster[slot]!]?.snapshot.name ?? "";
    fail(this.#context, slot, PROXY_ERRORS.deadline, name);
  }
}
