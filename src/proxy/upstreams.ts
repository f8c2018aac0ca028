import type { ConnectionSink } from "../h2/connection-sink.ts";
import { countingFromZero } from "../lb/counting-from-zero.ts";
import type { EndpointChanges } from "../resource/cluster-slots.ts";
import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { SetAside } from "../resource/set-aside.ts";
import { ClusterColumn } from "../telemetry/cluster-counters.ts";
import { DisconnectReason } from "../telemetry/disconnect-reason.ts";
import { GuardCell } from "../telemetry/guard-cell.ts";
import { WorkerColumn } from "../telemetry/worker-counters.ts";
import type { ConnectFailure } from "../upstream/connect-failure.ts";
import type { SubchannelOptions, SubchannelOwner } from "../upstream/subchannel.ts";
import { Subchannel } from "../upstream/subchannel.ts";
import type { UpstreamChannel } from "../upstream/upstream-channel.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { ERROR_OF_FAILURE, noteConnectFailure } from "./note-connect-failure.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { ResponseSink } from "./response-sink.ts";

/** Endpoints with connections that are let go in one turn: each takes some 20 µs, for what it says to its endpoint and to the kernel. */
const LET_GO_AT_ONCE = 8;

/** What all subchannels of a cluster have in common. */
type SharedOptions = Omit<SubchannelOptions, "slot" | "address" | "port" | "zone" | "sameZone">;

/**
 * The subchannels of a worker: made when their endpoint is first picked, retired with the snapshots, and told here what becomes of
 * them. Most endpoints of a large service are never picked by a given proxy, and cost it nothing beyond the snapshot.
 */
export class Upstreams implements SubchannelOwner {
  readonly #context: ProxyContext;
  readonly #dispatcher: Dispatcher;
  #zone: string;
  readonly #onReleased: (slot: number) => void;
  readonly #now = (): number => this.#context.time.nowMs;
  readonly #jitter = (): number => this.#context.random.nextFloat();
  /** By cluster slot. */
  readonly #shared: (SharedOptions | undefined)[] = [];
  /** Subchannels of endpoints that have left, to be retired in the turns to come. */
  readonly #leaving: Subchannel[] = [];
  readonly #letGo = { run: (): boolean => this.#retireSome() };

  constructor(
    context: ProxyContext,
    dispatcher: Dispatcher,
    zone: string,
    onReleased: (slot: number) => void,
  ) {
    this.#context = context;
    this.#dispatcher = dispatcher;
    this.#zone = zone;
    this.#onReleased = onReleased;
  }

  /** @returns the subchannel of an endpoint that was picked; undefined when the cluster lists it no more. */
  reach({ snapshot, removed }: ClusterRuntime, slot: number): Subchannel | undefined {
    const { subchannels, exchanges } = this.#context;
    const present = subchannels[slot];
    if (present !== undefined) return present;
    const index = removed ? -1 : snapshot.slots.indexOf(slot);
    if (index < 0) return undefined;
    const zone = snapshot.zoneAt(index);
    const options: SubchannelOptions = {
      ...this.#sharedOptions(snapshot),
      slot,
      address: snapshot.addressAt(index),
      port: snapshot.portAt(index),
      zone,
      sameZone: this.#isOwn(zone),
    };
    // Without holes: an array with large ones is a table of hashes to V8.
    while (subchannels.length <= slot) subchannels.push(undefined);
    const made = new Subchannel(this.#context, exchanges.links, this, options, this.#now, this.#jitter);
    subchannels[slot] = made;
    return made;
  }

  /**
   * Retires the subchannels of endpoints that a new snapshot no longer names; survivors keep everything.
   *
   * @param former undefined for a cluster that is new.
   * @param changes between the two; default: found by comparing them.
   */
  apply(
    snapshot: ClusterSnapshot,
    former: ClusterSnapshot | undefined,
    changes: EndpointChanges | undefined,
  ): void {
    const sharedBefore = this.#shared[snapshot.clusterSlot];
    const shared = optionsOf(snapshot, this.#context);
    this.#shared[snapshot.clusterSlot] = shared;
    if (former === undefined) return;
    const { subchannels } = this.#context;
    const isSame = sharedBefore !== undefined && areEqual(shared, sharedBefore);
    if (isSame) this.#shared[snapshot.clusterSlot] = sharedBefore;
    const moved = isSame && changes !== undefined ? changes.moved : countingFromZero(snapshot.count);
    for (const index of moved) {
      const present = subchannels[snapshot.slots[index]!];
      if (present === undefined) continue;
      const zone = snapshot.zoneAt(index);
      // A slot is one endpoint's: its place stays as it was.
      present.options = { ...present.options, ...shared, zone, sameZone: this.#isOwn(zone) };
    }
    this.#retire(changes?.left ?? slotsThatLeft(snapshot, former));
  }

  /**
   * Lets go of endpoints that nothing picks any more. Of a large service a rollout takes hundreds with connections at once; closing them all would hold up
   * requests for milliseconds, and may wait: their slots are nobody else's until then.
   */
  #retire(slots: Int32Array): void {
    const { subchannels, turn } = this.#context;
    const isIdle = this.#leaving.length === 0;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!;
      // A read beyond an array's end is a slow one to V8, and most endpoints of a large service have never been picked.
      const present = slot < subchannels.length ? subchannels[slot] : undefined;
      if (present === undefined) this.#onReleased(slot);
      else this.#leaving.push(present);
    }
    // The first now: mostly they are all. Where others still wait, turns do it.
    if (isIdle && this.#retireSome()) turn.doInShares(this.#letGo);
  }

  /** @returns whether more are left. */
  #retireSome(): boolean {
    const leaving = this.#leaving;
    for (let n = 0; n < LET_GO_AT_ONCE && leaving.length > 0; n++) leaving.pop()!.retire();
    return leaving.length > 0;
  }

  #sharedOptions(snapshot: ClusterSnapshot): SharedOptions {
    const known = this.#shared[snapshot.clusterSlot] ?? optionsOf(snapshot, this.#context);
    this.#shared[snapshot.clusterSlot] = known;
    return known;
  }

  /** The proxy's own zone is another one than was thought. */
  moveTo(zone: string): void {
    this.#zone = zone;
    for (const present of this.#context.subchannels) {
      if (present === undefined) continue;
      present.options = { ...present.options, sameZone: this.#isOwn(present.options.zone) };
    }
  }

  #isOwn(zone: string): boolean {
    return this.#zone !== "" && zone === this.#zone;
  }

  /** Retires every subchannel of a cluster that is no longer configured. */
  remove(snapshot: ClusterSnapshot): void {
    this.#shared[snapshot.clusterSlot] = undefined;
    this.#retire(snapshot.slots);
  }

  sinkFor(subchannel: Subchannel, channel: UpstreamChannel): ConnectionSink {
    return new ResponseSink(this.#context, this.#dispatcher, subchannel, channel);
  }

  waiterReady(slot: number, subchannel: Subchannel, channel: UpstreamChannel): void {
    this.#dispatcher.waiterReady(slot, subchannel, channel);
  }

  waiterFailed(slot: number, failure: ConnectFailure): void {
    this.#dispatcher.waiterFailed(slot, ERROR_OF_FAILURE[failure]);
  }

  waiterLeft(slot: number): void {
    this.#dispatcher.waiterLeft(slot);
  }

  asideChanged(subchannel: Subchannel, aside: boolean): void {
    const { endpoints, endpointRow } = this.#context;
    endpoints.markAside(endpointRow, subchannel.options.slot, SetAside.connect, aside);
    const cluster = this.#clusterOf(subchannel);
    if (cluster === undefined) return;
    cluster.rebuild();
    this.#dispatcher.wake(cluster);
  }

  capacityBack(subchannel: Subchannel): void {
    const cluster = this.#clusterOf(subchannel);
    if (cluster !== undefined) this.#dispatcher.wake(cluster);
  }

  connected(subchannel: Subchannel): void {
    const cluster = this.#clusterOf(subchannel);
    if (cluster !== undefined) cluster.row[ClusterColumn.upstreamConnections]!++;
  }

  disconnected(subchannel: Subchannel, channel: UpstreamChannel, error: Error | undefined): void {
    const { endpoints, endpointRow } = this.#context;
    endpoints.markAside(endpointRow, subchannel.options.slot, SetAside.connect, subchannel.aside);
    const cluster = this.#clusterOf(subchannel);
    if (cluster === undefined) return;
    cluster.row[ClusterColumn.upstreamConnections]!--;
    cluster.row[ClusterColumn.upstreamDisconnects + reasonOf(channel, error)]!++;
    this.#dispatcher.wake(cluster);
  }

  keepalive(_subchannel: Subchannel, step: "ping" | "lost"): void {
    const cell = step === "ping" ? GuardCell.upstreamPings : GuardCell.upstreamTimeouts;
    this.#context.workerRow[WorkerColumn.guard + cell]!++;
  }

  connectFailed(subchannel: Subchannel, error: Error | undefined): void {
    const cluster = this.#clusterOf(subchannel);
    if (cluster === undefined) return;
    noteConnectFailure(this.#context, cluster, subchannel.options, error);
  }

  released(subchannel: Subchannel): void {
    const { slot, clusterSlot } = subchannel.options;
    if (this.#context.subchannels[slot] === subchannel) this.#context.subchannels[slot] = undefined;
    this.#onReleased(slot);
    this.#context.releaseCluster(clusterSlot);
  }

  #clusterOf(subchannel: Subchannel): ClusterRuntime | undefined {
    return this.#context.clusters[subchannel.options.clusterSlot];
  }
}

function optionsOf(snapshot: ClusterSnapshot, { tlsClients, minPingMs }: ProxyContext): SharedOptions {
  return {
    clusterSlot: snapshot.clusterSlot,
    connectTimeoutMs: snapshot.connectTimeoutMs,
    tls: tlsClients.get(snapshot.tlsIdentity),
    maxConnections: snapshot.maxConnectionsPerEndpoint,
    maxRequestsPerConnection: snapshot.settings.circuit.maxRequestsPerConnection,
    keepalive: { timeMs: snapshot.keepaliveTimeMs, timeoutMs: snapshot.keepaliveTimeoutMs, minPingMs },
  };
}

function areEqual(a: SharedOptions, b: SharedOptions): boolean {
  return (
    a.tls === b.tls &&
    a.connectTimeoutMs === b.connectTimeoutMs &&
    a.maxConnections === b.maxConnections &&
    a.maxRequestsPerConnection === b.maxRequestsPerConnection &&
    a.keepalive?.timeMs === b.keepalive?.timeMs &&
    a.keepalive?.timeoutMs === b.keepalive?.timeoutMs
  );
}

function slotsThatLeft(snapshot: ClusterSnapshot, former: ClusterSnapshot): Int32Array {
  const listed = new Set(snapshot.slots);
  return former.slots.filter((slot) => !listed.has(slot));
}

function reasonOf(channel: UpstreamChannel, error: Error | undefined): DisconnectReason {
  if (channel.timedOut) return DisconnectReason.connectionTimedOut;
  if (channel.goawayCode === 0) return DisconnectReason.goawayNoError;
  if (channel.goawayCode > 0) return DisconnectReason.goawayError;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === "ECONNRESET" || code === "EPIPE") return DisconnectReason.connectionReset;
  if (code === "ETIMEDOUT") return DisconnectReason.connectionTimedOut;
  if (code === "ECONNABORTED") return DisconnectReason.connectionAborted;
  if (code !== undefined) return DisconnectReason.socketError;
  return channel.connection.state.goawaySent || !channel.ready
    ? DisconnectReason.subchannelShutdown
    : DisconnectReason.unknown;
}
