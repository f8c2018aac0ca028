import type { ClassQueue } from "../base/class-queue.ts";
import { GrpcStatus } from "../grpc/status.ts";
import type { CandidateSet } from "../lb/candidate-set.ts";
import type { PickRequest } from "../lb/picker.ts";
import { PickCause } from "../lb/record/pick-layout.ts";
import type { TieredPicker } from "../lb/tiered-picker.ts";
import { SEVERAL } from "../net/run-queue.ts";
import { CircuitLimit } from "../telemetry/circuit-limit.ts";
import { ClusterColumn } from "../telemetry/cluster-counters.ts";
import { observeMs } from "../telemetry/histogram-buckets.ts";
import { PolicyReason } from "../telemetry/policy-reason.ts";
import { RetryReason } from "../telemetry/retry-reason.ts";
import { WorkerColumn } from "../telemetry/worker-counters.ts";
import type { Subchannel } from "../upstream/subchannel.ts";
import type { UpstreamChannel } from "../upstream/upstream-channel.ts";
import { attach } from "./attach.ts";
import { ClassOrder } from "./class-order.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";
import { fail } from "./exchange-fail.ts";
import { ExchangeBit, MAX_MOVES, MAX_TRIED, Phase } from "./exchange-table.ts";
import type { ProxyContext } from "./proxy-context.ts";
import type { ProxyError } from "./proxy-error.ts";
import { PROXY_ERRORS } from "./proxy-error.ts";
import type { AttemptOpener } from "./retry/attempt-opener.ts";
import { LossBit } from "./retry/attempt-policy.ts";
import { Attempts } from "./retry/attempts.ts";
import type { EndpointSet } from "./routes/request-routes.ts";

const UNAVAILABLE = 1 << GrpcStatus.unavailable;
/** What a policy may say about a move that is not possible any more, by RetryReason. */
const LOSS: Readonly<Record<RetryReason, number>> = {
  [RetryReason.connectFailure]: LossBit.connectFailure | UNAVAILABLE,
  [RetryReason.refusedStream]: LossBit.refusedStream | UNAVAILABLE,
  [RetryReason.goaway]: LossBit.refusedStream | UNAVAILABLE,
  [RetryReason.notSent]: LossBit.notSent | UNAVAILABLE,
};
/** What its class is charged for a request that is picked for and forwarded, about 2 µs: too short, and too many of them, to look at the clock for each. */
const DISPATCH_UNITS = 1;
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
export class Dispatcher implements AttemptOpener {
  /** Further attempts: retries and hedges. */
  readonly attempts: Attempts;
  readonly #context: ProxyContext;
  readonly #request: PickRequest = {
    sequence: 0,
    hash: 0,
    triedCount: 0,
    tried: new Int32Array(MAX_TRIED + MAX_PICKS),
  };
  #opening: Int32Array = new Int32Array(1024);
  #openingCount = 0;
  /** Whether those in line are of several classes of callers. */
  #isMixed = false;
  readonly #order = new ClassOrder();
  readonly #waking: ClusterRuntime[] = [];
  readonly #roomy: Subchannel[] = [];

  constructor(context: ProxyContext) {
    this.#context = context;
    this.attempts = new Attempts(context, this);
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
    const { callerClass } = this.#context.exchanges;
    if (callerClass[slot] !== callerClass[this.#opening[0]!]) this.#isMixed = true;
    this.#context.turn.schedule();
  }

  /** Looks at a cluster's queue when the turn ends: capacity may have come back. */
  wake(cluster: ClusterRuntime): void {
    if (cluster.wake || !cluster.hasWaiting) return;
    cluster.wake = true;
    this.#waking.push(cluster);
    this.#context.turn.schedule();
  }

  /** Looks at queues before a limit that other workers share: what ends there tells nobody here. A few times a second. */
  wakeLimited(): void {
    for (const cluster of this.#context.clusters) {
      if (cluster !== undefined && cluster.circuit.maxRequestsPerEndpoint > 0) this.wake(cluster);
    }
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
      this.#serveQueue(cluster, cluster.queue);
      for (const { queue } of cluster.waitingSets) this.#serveQueue(cluster, queue);
    }
    this.#waking.length = 0;
    if (this.#isMixed) this.#order.order(this.#opening, this.#openingCount, exchanges.callerClass);
    // A dispatch may put more in line (moves); they have their turn in the same pass.
    for (let i = 0; i < this.#openingCount; i++) {
      const slot = this.#opening[i]!;
      if (exchanges.phase[slot] === Phase.opening) this.#dispatch(slot, false);
    }
    this.#openingCount = 0;
    this.#isMixed = false;
  }

  #serveQueue(cluster: ClusterRuntime, queue: ClassQueue): void {
    const { exchanges, time } = this.#context;
    queue.serve((slot) => {
      if (!this.#dispatch(slot, true)) return false;
      const waited = time.nowMs - exchanges.queuedMs[slot]!;
      observeMs(cluster.row, ClusterColumn.queueTime, waited);
      return true;
    });
  }

  /**
   * Picks for one request. @param queued whether it stands in its cluster's queue, and stays there when nothing has room.
   * @returns false when nothing has room.
   */
  #dispatch(slot: number, queued: boolean): boolean {
    const { exchanges, clusters, turn } = this.#context;
    if (turn.queue.sole === SEVERAL) turn.queue.charge(exchanges.callerClass[slot]!, DISPATCH_UNITS, 0);
    const cluster = clusters[exchanges.cluster[slot]!]!;
    const set = this.#setOf(slot);
    const tiered = set === undefined ? cluster.tiered : set.tiered;
    const request = this.#request;
    request.triedCount = exchanges.copyTried(slot, request.tried);
    for (let picks = 0; picks < MAX_PICKS; picks++) {
      const subchannel = this.#pick(cluster, request, slot);
      if (subchannel === undefined) {
        if (queued) this.#leaveQueue(cluster, slot);
        fail(this.#context, slot, PROXY_ERRORS.noEndpoint, cluster.snapshot.name);
        return true;
      }
      if (this.#place(cluster, subchannel, slot, queued)) return true;
      request.tried[request.triedCount++] = subchannel.options.slot;
      if (picks + 1 >= tiered.candidateCount) break;
    }
    // Others of its class in the queue have looked everywhere already: whoever comes now need not.
    const { callerClass } = this.#context.exchanges;
    const hopeless = !queued && (set ?? cluster).queue.sizeOf(callerClass[slot]!) > 0;
    if (!hopeless && this.#placeAnywhere(cluster, tiered, slot, queued)) return true;
    if (cluster.snapshot.maxConnectionsPerEndpoint === 0) {
      // Nothing will be connected to, so that nothing is to be waited for.
      if (queued) this.#leaveQueue(cluster, slot);
      fail(this.#context, slot, PROXY_ERRORS.noEndpoint, cluster.snapshot.name);
      return true;
    }
    if (!queued) this.#enqueue(cluster, slot);
    return false;
  }

  #pick(cluster: ClusterRuntime, request: PickRequest, stream: number): Subchannel | undefined {
    const { random, time, subchannels, reach, outliers, explain, routes } = this.#context;
    const tiered = this.#setOf(stream)?.tiered;
    if (outliers.trialCount > 0 && request.triedCount === 0 && tiered === undefined) {
      // One request at a time shows whether an ejected endpoint is well again.
      const trial = outliers.takeTrial(cluster.snapshot.clusterSlot);
      const subchannel = trial < 0 ? undefined : reach(cluster, trial);
      if (subchannel !== undefined) {
        if (explain.isOn) explain.tried(stream, cluster, trial);
        return subchannel;
      }
    }
    const isHashed = cluster.hash !== undefined || routes !== undefined;
    request.hash = isHashed ? this.#context.exchanges.hash[stream]! : 0;
    const slot = explain.isOn
      ? explain.pick(
          cluster,
          request,
          cluster.loads,
          random,
          time.nowMs,
          this.#pickCause(request, stream),
          stream,
          tiered,
        )
      : cluster.pick(request, cluster.loads, random, time.nowMs, tiered);
    return slot < 0 ? undefined : (subchannels[slot] ?? reach(cluster, slot));
  }

  /** What a request is restricted to: by policies of the network, which know of its route, or by its route alone; undefined: nothing. */
  #setOf(slot: number): EndpointSet | undefined {
    const { access, routes } = this.#context;
    return access?.endpointsOf(slot) ?? routes?.endpointsOf(slot);
  }

  #pickCause(request: PickRequest, stream: number): PickCause {
    const moves = this.#context.exchanges.moves[stream]!;
    if (request.triedCount > moves) return PickCause.full;
    return moves > 0 ? PickCause.again : PickCause.first;
  }

  /** When the picked ones are full, any candidate with room is better than the queue. */
  #placeAnywhere(cluster: ClusterRuntime, tiered: TieredPicker, slot: number, queued: boolean): boolean {
    for (const tier of tiered.tierSet.tiers) {
      if (this.#placeAmong(cluster, tier, slot, queued)) return true;
      if (tier.beyond !== undefined && this.#placeAmong(cluster, tier.beyond, slot, queued)) return true;
    }
    return false;
  }

  #placeAmong(cluster: ClusterRuntime, candidates: CandidateSet, slot: number, queued: boolean): boolean {
    const { subchannels, reach } = this.#context;
    for (let i = 0; i < candidates.count; i++) {
      const endpoint = candidates.slots[i]!;
      const subchannel = subchannels[endpoint] ?? reach(cluster, endpoint);
      if (subchannel !== undefined && this.#place(cluster, subchannel, slot, queued)) return true;
    }
    return false;
  }

  #place(cluster: ClusterRuntime, picked: Subchannel, slot: number, queued: boolean): boolean {
    const subchannel = picked.of(this.#context.exchanges.callerClass[slot]!);
    const channel = subchannel.available();
    if (channel === undefined && !subchannel.canWait()) return false;
    const { exchanges, endpoints, endpointRow } = this.#context;
    if (this.#isFull(cluster, subchannel)) return false;
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

  /** @returns whether the endpoint has as many streams as the cluster's limit allows, over all workers. */
  #isFull(cluster: ClusterRuntime, subchannel: Subchannel): boolean {
    const { maxRequestsPerEndpoint } = cluster.circuit;
    if (maxRequestsPerEndpoint === 0) return false;
    if (this.#context.endpoints.inFlightOf(subchannel.options.slot) < maxRequestsPerEndpoint) return false;
    cluster.row[ClusterColumn.circuitOverflows + CircuitLimit.maxRequestsPerEndpoint]!++;
    return true;
  }

  /** @see AttemptOpener.another */
  another(slot: number): Subchannel | undefined {
    const { exchanges, clusters } = this.#context;
    const cluster = clusters[exchanges.cluster[slot]!]!;
    const request = this.#request;
    request.triedCount = exchanges.copyTried(slot, request.tried);
    for (let picks = 0; picks < MAX_PICKS; picks++) {
      const subchannel = this.#pick(cluster, request, slot)?.of(exchanges.callerClass[slot]!);
      if (subchannel === undefined) return undefined;
      const endpoint = subchannel.options.slot;
      for (let i = 0; i < request.triedCount; i++) if (request.tried[i] === endpoint) return undefined;
      const hasRoom = subchannel.available() !== undefined || subchannel.canWait();
      if (hasRoom && !this.#isFull(cluster, subchannel)) return subchannel;
      request.tried[request.triedCount++] = endpoint;
    }
    return undefined;
  }

  /** Opens the stream on a connection with room. */
  #attach(slot: number, subchannel: Subchannel, channel: UpstreamChannel): void {
    const error = attach(this.#context, slot, subchannel, channel);
    if (error === undefined) {
      if (this.#context.exchanges.bits[slot]! & ExchangeBit.supervised) this.attempts.sent(slot);
    } else {
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
    const { exchanges, time } = this.#context;
    const callerClass = exchanges.callerClass[slot]!;
    if (cluster.row[ClusterColumn.streamsQueued]! >= cluster.snapshot.maxPendingStreams) {
      cluster.row[ClusterColumn.circuitOverflows + CircuitLimit.maxPendingStreams]!++;
      const last = cluster.lastToGiveWay(callerClass);
      if (last !== 0) this.#leaveQueue(cluster, last);
      fail(this.#context, last === 0 ? slot : last, PROXY_ERRORS.overflow, cluster.snapshot.name);
      if (last === 0) return;
    }
    exchanges.phase[slot] = Phase.queued;
    exchanges.queuedMs[slot] = time.nowMs;
    const set = this.#setOf(slot);
    (set ?? cluster).queue.push(slot, callerClass);
    if (set !== undefined) cluster.waitingSets.add(set);
    cluster.row[ClusterColumn.streamsQueued]!++;
  }

  #leaveQueue(cluster: ClusterRuntime, slot: number): void {
    const set = this.#setOf(slot);
    (set ?? cluster).queue.remove(slot, this.#context.exchanges.callerClass[slot]!);
    if (set?.queue.size === 0) cluster.waitingSets.delete(set);
    cluster.row[ClusterColumn.streamsQueued]!--;
    const { exchanges, time, workerRow } = this.#context;
    workerRow[WorkerColumn.sourceWaitMs + exchanges.source[slot]!]! += time.nowMs - exchanges.queuedMs[slot]!;
  }

  /** Takes a request out of wherever it waits. */
  leaveWaiting(slot: number): void {
    const { exchanges, clusters, subchannels, attemptTimers } = this.#context;
    const phase = exchanges.phase[slot];
    if (phase === Phase.unrouted) this.#context.askedAuthorities?.leave(slot);
    else if (phase === Phase.backingOff) attemptTimers.clear(slot);
    else if (phase === Phase.queued) this.#leaveQueue(clusters[exchanges.cluster[slot]!]!, slot);
    else if (phase === Phase.connecting)
      subchannels[exchanges.endpoint[slot]!]!.of(exchanges.callerClass[slot]!).waiting.remove(slot);
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
    const moves = exchanges.moves[slot]! - exchanges.retried[slot]!;
    if (!movable || moves >= MAX_MOVES || !cluster.takeMove(reason, time.nowMs)) {
      const supervised = (exchanges.bits[slot]! & ExchangeBit.supervised) !== 0;
      if (supervised && this.attempts.retry(slot, LOSS[reason], PolicyReason.unprocessed)) return;
      fail(this.#context, slot, error, cluster.snapshot.name);
      return;
    }
    const { explain } = this.#context;
    if (explain.isOn) explain.moved(slot, reason);
    exchanges.countMove(slot);
    exchanges.bodySent[slot] = 0;
    this.open(slot);
  }

  /** @see SubchannelOwner.waiterReady */
  waiterReady(slot: number, subchannel: Subchannel, channel: UpstreamChannel): void {
    if (this.#context.exchanges.bits[slot]! & ExchangeBit.hedgeWaiting) {
      this.attempts.hedgeReady(slot, this.attempts.hedges.attach(slot, subchannel, channel));
      return;
    }
    this.#attach(slot, subchannel, channel);
  }

  /** @see SubchannelOwner.waiterFailed */
  waiterFailed(slot: number, error: ProxyError): void {
    if (this.#context.exchanges.bits[slot]! & ExchangeBit.hedgeWaiting) this.attempts.hedgeLeft(slot);
    else this.move(slot, RetryReason.connectFailure, error);
  }

  /** @see SubchannelOwner.waiterLeft */
  waiterLeft(slot: number): void {
    if (this.#context.exchanges.bits[slot]! & ExchangeBit.hedgeWaiting) {
      this.attempts.hedgeLeft(slot);
      return;
    }
    this.uncount(slot);
    this.open(slot);
  }
}
