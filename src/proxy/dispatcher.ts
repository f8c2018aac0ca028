import type { PickRequest } from "../lb/picker.ts";
import { ClusterColumn } from "../telemetry/cluster-counters.ts";
import { EndpointLoads } from "../telemetry/endpoint-loads.ts";
import { observeMs } from "../telemetry/histogram-buckets.ts";
import type { RetryReason } from "../telemetry/retry-reason.ts";
import type { Subchannel } from "../upstream/subchannel.ts";
import type { UpstreamChannel } from "../upstream/upstream-channel.ts";
import { attach } from "./attach.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";
import { fail } from "./exchange-fail.ts";
import { ExchangeBit, MAX_MOVES, Phase } from "./exchange-table.ts";
import type { ProxyContext } from "./proxy-context.ts";
import type { ProxyError } from "./proxy-error.ts";
import { PROXY_ERRORS } from "./proxy-error.ts";

/** Endpoints looked at for one stream when those picked first are full. */
const MAX_PICKS = 4;

/**
 * Finds each request an endpoint and a connection, at the end of the loop turn it arrived in: what was cancelled within the
 * turn never costs an endpoint anything.
 *
 *     opening ──pick──▶ attached                      a connection has room
 *        ▲      │─────▶ connecting ──ready──▶ attached  one is being made
 *        │      │             └──failed──▶ move
 *        │      └─────▶ queued ──capacity──▶ opening  everything is full
 *        └──────────────── move (at most 3, from the budget)
 */
export class Dispatcher {
  readonly #context: ProxyContext;
  readonly #loads: EndpointLoads;
  readonly #request: PickRequest = {
    sequence: 0,
    hash: 0,
    triedCount: 0,
    tried: new Int32Array(MAX_MOVES + 1 + MAX_PICKS),
  };
  #opening: Int32Array = new Int32Array(1024);
  #openingCount = 0;
  readonly #waking: ClusterRuntime[] = [];
  readonly #roomy: Subchannel[] = [];

  constructor(context: ProxyContext) {
    this.#context = context;
    this.#loads = new EndpointLoads(context.endpoints);
  }

  /** Puts a request in line for the end of this turn. */
  open(slot: number): void {
    this.#context.exchanges.phase[slot] = Phase.opening;
    if (this.#openingCount === this.#opening.length) {
      const larger = new Int32Array(this.#opening.length * 2);
      larger.set(this.#opening);
      this.#opening = larger;
    }
    this.#opening[this.#openingCount++] = slot;
    this.#context.turn.schedule();
  }

  /** Looks at a cluster's queue when the turn ends: capacity may have come back. */
  wake(cluster: ClusterRuntime): void {
    if (cluster.wake || cluster.queue.size === 0) return;
    cluster.wake = true;
    this.#waking.push(cluster);
    this.#context.turn.schedule();
  }

  /** Looks at who waits for a connection to an endpoint when the turn ends: one that stands has room again. */
  wakeWaiting(subchannel: Subchannel): void {
    if (this.#roomy.includes(subchannel)) return;
    this.#roomy.push(subchannel);
    this.#context.turn.schedule();
  }

  /** The end of the turn: serves queues, then what arrived. */
  run(): void {
    const { exchanges } = this.#context;
    for (const subchannel of this.#roomy) subchannel.serveWaiting();
    this.#roomy.length = 0;
    for (const cluster of this.#waking) {
      cluster.wake = false;
      this.#serveQueue(cluster);
    }
    this.#waking.length = 0;
    // A dispatch may put more in line (moves); they have their turn in the same pass.
    for (let i = 0; i < this.#openingCount; i++) {
      const slot = this.#opening[i]!;
      if (exchanges.phase[slot] === Phase.opening) this.#dispatch(slot, false);
    }
    this.#openingCount = 0;
  }

  #serveQueue(cluster: ClusterRuntime): void {
    const { exchanges, time } = this.#context;
    while (cluster.queue.head !== 0) {
      const slot = cluster.queue.head;
      if (!this.#dispatch(slot, true)) return;
      const waited = time.nowMs - exchanges.queuedMs[slot]!;
      observeMs(cluster.row, ClusterColumn.queueTime, waited);
    }
  }

  /**
   * Picks for one request. @param queued whether it stands in its cluster's queue, and stays there when nothing has room.
   * @returns false when nothing has room.
   */
  #dispatch(slot: number, queued: boolean): boolean {
    const { exchanges, clusters } = this.#context;
    const cluster = clusters[exchanges.cluster[slot]!]!;
    const request = this.#request;
    request.triedCount = exchanges.copyTried(slot, request.tried);
    for (let picks = 0; picks < MAX_PICKS; picks++) {
      const subchannel = this.#pick(cluster, request);
      if (subchannel === undefined) {
        if (queued) this.#leaveQueue(cluster, slot);
        fail(this.#context, slot, PROXY_ERRORS.noEndpoint, cluster.snapshot.name);
        return true;
      }
      if (this.#place(cluster, subchannel, slot, queued)) return true;
      request.tried[request.triedCount++] = subchannel.options.slot;
      if (picks + 1 >= cluster.candidates.count) break;
    }
    // Others in the queue have looked everywhere already: whoever comes now need not.
    const hopeless = !queued && cluster.queue.size > 0;
    if (!hopeless && this.#placeAnywhere(cluster, slot, queued)) return true;
    if (!queued) this.#enqueue(cluster, slot);
    return false;
  }

  #pick(cluster: ClusterRuntime, request: PickRequest): Subchannel | undefined {
    const { random, time, subchannels } = this.#context;
    const slot = cluster.pick(request, this.#loads, random, time.nowMs);
    return slot < 0 ? undefined : subchannels[slot];
  }

  /** When the picked ones are full, any candidate with room is better than the queue. */
  #placeAnywhere(cluster: ClusterRuntime, slot: number, queued: boolean): boolean {
    const { subchannels } = this.#context;
    const { candidates } = cluster;
    for (let i = 0; i < candidates.count; i++) {
      const subchannel = subchannels[candidates.slots[i]!];
      if (subchannel !== undefined && this.#place(cluster, subchannel, slot, queued)) return true;
    }
    return false;
  }

  #place(cluster: ClusterRuntime, subchannel: Subchannel, slot: number, queued: boolean): boolean {
    const channel = subchannel.available();
    if (channel === undefined && !subchannel.canWait()) return false;
    const { exchanges, endpoints, endpointRow } = this.#context;
    if (queued) this.#leaveQueue(cluster, slot);
    const endpoint = subchannel.options.slot;
    exchanges.endpoint[slot] = endpoint;
    exchanges.bits[slot]! |= ExchangeBit.counted;
    endpoints.inFlight[endpointRow + endpoint]!++;
    if (channel !== undefined) {
      this.#attach(slot, subchannel, channel);
    } else {
      exchanges.phase[slot] = Phase.connecting;
      subchannel.wait(slot);
    }
    return true;
  }

  /** Opens the stream on a connection with room. */
  #attach(slot: number, subchannel: Subchannel, channel: UpstreamChannel): void {
    const error = attach(this.#context, slot, subchannel, channel);
    if (error !== undefined) {
      const cluster = this.#context.clusters[this.#context.exchanges.cluster[slot]!];
      this.uncount(slot);
      fail(this.#context, slot, error, cluster?.snapshot.name ?? "");
    }
  }

  #enqueue(cluster: ClusterRuntime, slot: number): void {
    if (cluster.removed) {
      fail(this.#context, slot, PROXY_ERRORS.noEndpoint, cluster.snapshot.name);
      return;
    }
    if (cluster.queue.size >= cluster.snapshot.maxPendingStreams) {
      fail(this.#context, slot, PROXY_ERRORS.overflow, cluster.snapshot.name);
      return;
    }
    const { exchanges, time } = this.#context;
    exchanges.phase[slot] = Phase.queued;
    exchanges.queuedMs[slot] = time.nowMs;
    cluster.queue.push(slot);
    cluster.row[ClusterColumn.streamsQueued]!++;
  }

  #leaveQueue(cluster: ClusterRuntime, slot: number): void {
    cluster.queue.remove(slot);
    cluster.row[ClusterColumn.streamsQueued]!--;
  }

  /** Takes a request out of wherever it waits. */
  leaveWaiting(slot: number): void {
    const { exchanges, clusters, subchannels } = this.#context;
    const phase = exchanges.phase[slot];
    if (phase === Phase.queued) this.#leaveQueue(clusters[exchanges.cluster[slot]!]!, slot);
    else if (phase === Phase.connecting) subchannels[exchanges.endpoint[slot]!]!.waiting.remove(slot);
    this.uncount(slot);
  }

  /** Takes a request that has no stream at its endpoint out of that endpoint's in-flight count. */
  uncount(slot: number): void {
    const { exchanges, endpoints, endpointRow } = this.#context;
    if (!(exchanges.bits[slot]! & ExchangeBit.counted)) return;
    exchanges.bits[slot]! &= ~ExchangeBit.counted;
    endpoints.inFlight[endpointRow + exchanges.endpoint[slot]!]!--;
  }

  /**
   * Sends a request that its endpoint certainly did not process to another one, if it is still held, has moves left and the
   * budget allows; else answers with `error`.
   */
  move(slot: number, reason: RetryReason, error: ProxyError): void {
    const { exchanges, clusters, time } = this.#context;
    const cluster = clusters[exchanges.cluster[slot]!]!;
    this.uncount(slot);
    const movable = (exchanges.bits[slot]! & ExchangeBit.movable) !== 0;
    if (!movable || exchanges.moves[slot]! >= MAX_MOVES || !cluster.takeMove(reason, time.nowMs)) {
      fail(this.#context, slot, error, cluster.snapshot.name);
      return;
    }
    exchanges.markTried(slot);
    exchanges.moves[slot]!++;
    exchanges.bodySent[slot] = 0;
    this.open(slot);
  }

  /** @see SubchannelOwner.waiterReady */
  waiterReady(slot: number, subchannel: Subchannel, channel: UpstreamChannel): void {
    this.#attach(slot, subchannel, channel);
  }

  /** @see SubchannelOwner.waiterLeft */
  waiterLeft(slot: number): void {
    this.uncount(slot);
    this.open(slot);
  }
}
