import type { ConnectionSink } from "../h2/connection-sink.ts";
import { ResetCause } from "../h2/connection-sink.ts";
import type { ConnectionState } from "../h2/connection-state.ts";
import { ErrorCode } from "../h2/error-code.ts";
import type { FloodKind, NO_FLOOD } from "../h2/flood-kind.ts";
import { BlockKind } from "../h2/hpack/block-kind.ts";
import { releaseFields } from "../h2/hpack/release-fields.ts";
import { consume } from "../h2/receive-data.ts";
import { sendTrailers } from "../h2/send.ts";
import { TRAILERS_HEAD_OCTETS } from "../h2/stream/stream-life.ts";
import { NO_ROUTE } from "../route/authority-table.ts";
import { CircuitLimit } from "../telemetry/circuit-limit.ts";
import { ClusterColumn } from "../telemetry/cluster-counters.ts";
import { GuardCell } from "../telemetry/guard-cell.ts";
import { OverloadStage } from "../telemetry/overload-state.ts";
import { WorkerColumn } from "../telemetry/worker-counters.ts";
import { forwardBody, HEAD_SPARE_OCTETS, REPLAY_OCTETS } from "./attach.ts";
import type { RequestNames } from "./authorities/request-names.ts";
import { NO_CLASS } from "./callers/caller-classes.ts";
import type { CallerPod } from "./callers/caller-pod.ts";
import type { RequestScope } from "./callers/request-scope.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { countEnd, dropHeldRequest } from "./exchange-end.ts";
import { abandonUpstream, fail } from "./exchange-fail.ts";
import { ExchangeBit, Phase } from "./exchange-table.ts";
import type { ConnectionCluster } from "./port/connection-cluster.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { PROXY_ERRORS } from "./proxy-error.ts";
import type { RouteChoice } from "./routes/request-routes.ts";

const NOBODY = { pod: undefined };

/** The connection a {@link RequestSink} listens to. */
export interface RequestChannel {
  readonly connection: { readonly state: ConnectionState };
  readonly requests: Dispatcher;
  /** The connection's own cluster, where it has one. */
  readonly cluster?: ConnectionCluster | undefined;
  /** The route of the request in progress, where HTTP/1.1 has found it. */
  readonly choice?: RouteChoice | undefined;
  /** Class of the caller, by namespace (callers/caller-classes.ts); default: none. */
  readonly callerClass?: number | undefined;
  /** What all its requests are taken for, where the way it came by says so. */
  readonly scope?: RequestScope | undefined;
  /** Who calls, where that is known. */
  readonly origin?: { readonly pod: CallerPod | undefined } | undefined;
  /** Whose connection it is, where requests may ask how they are picked for. */
  readonly caller?: { readonly address: string } | undefined;
  /** A stream of the connection is about to go. */
  streamClosed(): void;
  /** A PING of ours has come back. */
  pong(token: number): void;
  /** The engine has ended the connection. */
  failed(errorCode: number, flood: FloodKind | typeof NO_FLOOD): void;
}

/** Where the requests of one client's connection come in. */
export class RequestSink implements ConnectionSink {
  readonly #context: ProxyContext;
  readonly #channel: RequestChannel;

  constructor(context: ProxyContext, channel: RequestChannel) {
    this.#context = context;
    this.#channel = channel;
  }

  get #connection(): ConnectionState {
    return this.#channel.connection.state;
  }

  onHeaders(slot: number, kind: BlockKind, octets: number, endStream: boolean): void {
    if (kind === BlockKind.trailers) this.#receiveTrailers(slot, octets);
    else this.#receiveRequest(slot, octets, endStream);
  }

  #receiveRequest(slot: number, octets: number, endStream: boolean): void {
    const { exchanges, time } = this.#context;
    const { decoder } = this.#connection;
    exchanges.begin(slot, time.nowMs);
    exchanges.callerClass[slot] = this.#channel.callerClass ?? NO_CLASS;
    const pod = this.#channel.origin?.pod;
    if (pod !== undefined) exchanges.source[slot] = pod.source;
    exchanges.bits[slot] =
      (endStream ? ExchangeBit.requestEnded : 0) | (decoder.isGrpc ? ExchangeBit.grpc : 0);
    if (decoder.wantsLoadReport) exchanges.bits[slot]! |= ExchangeBit.wantsLoadReport;
    const { accessLog, tracer } = this.#context;
    if (tracer.isOn && tracer.begin(slot, this.#connection, pod)) exchanges.bits[slot]! |= ExchangeBit.traced;
    if (accessLog.enabled) {
      const { replyScratch } = this.#context;
      accessLog.begin(slot, this.#connection, replyScratch, pod);
    }
    if (decoder.wantsExplanation) {
      this.#context.explain.begin(slot, this.#channel.caller?.address, pod?.namespace);
    }
    this.#direct(slot, octets, decoder);
  }

  /** Goes on with a request that waited for word of its authority; its field block is at `engine.scratch` again. */
  resume(slot: number, octets: number, request: RequestNames): void {
    this.#direct(slot, octets, request);
  }

  /** Finds a request its cluster, and puts it in line. @param request the decoder, or what was kept of a request that waited. */
  #direct(slot: number, octets: number, own: RequestNames): void {
    const { exchanges, engine, time, deadlines, clusters, routes, askedAuthorities } = this.#context;
    const { slab, pool, scratch } = engine;
    const { scope } = this.#channel;
    const request = scope === undefined ? own : scope.names(own);
    const ownCluster = this.#channel.cluster?.current();
    const source = this.#channel.caller?.address ?? "";
    const clusterSlot =
      routes === undefined
        ? (ownCluster ?? this.#route(request))
        : routes.decide(slot, request, octets, ownCluster, source, this.#channel.choice);
    const cluster = clusterSlot === NO_ROUTE ? undefined : clusters[clusterSlot];
    if (cluster === undefined) {
      // A service that nobody has used for long is forgotten, while connections to it stand: it is asked for again.
      const authority = this.#channel.cluster?.name ?? this.#readAuthority(request);
      const error =
        routes !== undefined && routes.nameOf(slot) !== ""
          ? PROXY_ERRORS.noMatch
          : askedAuthorities === undefined
            ? PROXY_ERRORS.noRoute
            : askedAuthorities.hold({ sink: this, slot, octets, request, authority, source });
      if (error === undefined) return;
      releaseFields(slab, pool, scratch, octets);
      fail(this.#context, slot, error, `"${authority}"`);
      return;
    }
    exchanges.cluster[slot] = clusterSlot;
    cluster.exchanges++;
    cluster.row[ClusterColumn.streamsActive]!++;
    cluster.budget.deposit();
    if (this.#context.overload[0]! >= OverloadStage.refuseStreams) {
      releaseFields(slab, pool, scratch, octets);
      this.#context.workerRow[WorkerColumn.guard + GuardCell.refusedStreams]!++;
      fail(this.#context, slot, PROXY_ERRORS.overload, cluster.snapshot.name);
      return;
    }
    if (cluster.isFull) {
      releaseFields(slab, pool, scratch, octets);
      cluster.row[ClusterColumn.circuitOverflows + CircuitLimit.maxRequests]!++;
      fail(this.#context, slot, PROXY_ERRORS.requestLimit, cluster.snapshot.name);
      return;
    }
    if (routes?.refused) {
      releaseFields(slab, pool, scratch, octets);
      fail(this.#context, slot, PROXY_ERRORS.noLabelledEndpoint, cluster.snapshot.name);
      return;
    }
    if (request.previousAttempts > 0)
      exchanges.previousAttempts[slot] = Math.min(255, request.previousAttempts);
    const { access } = this.#context;
    if (access !== undefined) {
      const { pod } = this.#channel.origin ?? NOBODY;
      const refusal = access.direct(slot, cluster, pod, routes?.endpointsOf(slot));
      if (refusal !== "") {
        releaseFields(slab, pool, scratch, octets);
        fail(this.#context, slot, PROXY_ERRORS.deniedByPolicy, `${cluster.snapshot.name} (${refusal})`);
        return;
      }
    }
    const policy = routes === undefined ? cluster.policy : routes.attemptPolicyOf(slot, cluster);
    const timeoutMs =
      policy === undefined ? request.timeoutMs : this.#channel.requests.attempts.begin(slot, policy, request);
    // The decoder's view of the section ends here: its names may have moved.
    let length = routes === undefined ? octets : routes.changeRequest(slot, octets);
    const { identity } = this.#context;
    const calling = identity === undefined ? undefined : this.#channel.origin?.pod;
    const change =
      calling === undefined ? scope?.change : identity!.of(calling, clusterSlot, cluster.snapshot.name);
    if (change !== undefined) length = change.apply(slab.bytes, pool, scratch, length);
    const size = length + HEAD_SPARE_OCTETS;
    if (slab.usedOctets + size > engine.softCapacityOctets) engine.relieve();
    const block = slab.usedOctets + size > engine.softCapacityOctets ? 0 : slab.alloc(size);
    if (block === 0) {
      releaseFields(slab, pool, scratch, length);
      fail(this.#context, slot, PROXY_ERRORS.overBudget, cluster.snapshot.name);
      return;
    }
    slab.bytes.copyWithin(block, scratch, scratch + length);
    const hash = routes === undefined ? cluster.hash : routes.hashOf(slot, cluster);
    if (hash !== undefined) exchanges.hash[slot] = hash.of(block, length, source);
    else if (routes !== undefined) exchanges.hash[slot] = 0;
    exchanges.headBlock[slot] = block;
    exchanges.headOctets[slot] = length;
    exchanges.headLiteralOctets[slot] =
      request.outLiteralOctets + (routes?.changedLiteralOctets ?? 0) + (change?.literalOctets ?? 0);
    exchanges.headListOctets[slot] =
      request.listOctets + (routes?.changedListOctets ?? 0) + (change?.listOctets ?? 0);
    exchanges.bits[slot]! |= ExchangeBit.movable;
    if (timeoutMs >= 0) {
      const due = time.nowMs + timeoutMs;
      exchanges.dueMs[slot] = due;
      deadlines.set(slot, due);
      if (due < time.earliestDueMs) time.earliestDueMs = due;
    }
    this.#channel.requests.open(slot);
  }

  /** The cluster of the request just decoded. Interned authorities, nearly all, cost two reads. */
  #route(request: RequestNames): number {
    const { authorities, routeCache, replyScratch, engine } = this.#context;
    const id = request.authorityIntern;
    if (id > 0) {
      const known = routeCache.get(id, engine.pool.generation[id]!, authorities.version);
      if (known !== undefined) return known;
    }
    if (!request.hasAuthority || request.authorityLength > 1024) return NO_ROUTE;
    const length = request.readAuthority(replyScratch);
    const cluster = authorities.lookup(engine.slab.bytes, replyScratch, length);
    if (id > 0) routeCache.set(id, engine.pool.generation[id]!, authorities.version, cluster);
    return cluster;
  }

  #readAuthority(request: RequestNames): string {
    const { replyScratch, engine } = this.#context;
    if (!request.hasAuthority || request.authorityLength > 1024) return "";
    const length = request.readAuthority(replyScratch);
    return engine.slab.bytes.toString("latin1", replyScratch, replyScratch + length);
  }

  #receiveTrailers(slot: number, octets: number): void {
    const { exchanges, engine } = this.#context;
    const { slab, pool, scratch, connections, streams } = engine;
    exchanges.bits[slot]! |= ExchangeBit.requestEnded;
    this.#context.routes?.mirrors.ended(slot);
    const literalOctets = this.#connection.decoder.outLiteralOctets;
    const stream = exchanges.peer[slot]!;
    if (stream !== 0) {
      exchanges.bits[slot]! &= ~ExchangeBit.movable;
      if (exchanges.bits[slot]! & ExchangeBit.supervised) this.#channel.requests.attempts.complete(slot);
      sendTrailers(connections[streams.connection[stream]!]!, stream, scratch, octets, literalOctets);
      return;
    }
    const block = exchanges.phase[slot] === Phase.answered ? 0 : slab.alloc(octets + TRAILERS_HEAD_OCTETS);
    if (block === 0) {
      releaseFields(slab, pool, scratch, octets);
      return;
    }
    slab.words[block >> 2] = literalOctets;
    slab.bytes.copyWithin(block + TRAILERS_HEAD_OCTETS, scratch, scratch + octets);
    exchanges.trailersBlock[slot] = block;
    exchanges.trailersOctets[slot] = octets;
  }

  onHeadersTooLarge(slot: number, endStream: boolean): void {
    const { exchanges, time } = this.#context;
    exchanges.begin(slot, time.nowMs);
    exchanges.bits[slot] = ExchangeBit.grpc | (endStream ? ExchangeBit.requestEnded : 0);
    const limit = this.#context.engine.limits.maxHeaderListOctets;
    fail(this.#context, slot, PROXY_ERRORS.requestTooLarge, `this proxy, ${limit} octets`);
  }

  onBodyTooLarge(slot: number): void {
    const context = this.#context;
    const { exchanges, clusters, engine } = context;
    const phase = exchanges.phase[slot];
    // What is answered already needs no more of the body.
    if (phase === Phase.answered || phase === Phase.none) return;
    if (phase === Phase.attached) abandonUpstream(context, slot, ErrorCode.cancel);
    else this.#channel.requests.leaveWaiting(slot);
    const name = clusters[exchanges.cluster[slot]!]?.snapshot.name ?? "";
    const limit = engine.limits.maxRequestBodyOctets;
    fail(context, slot, PROXY_ERRORS.bodyTooLarge, `this proxy, ${limit} octets, in a call to ${name}`);
  }

  onData(slot: number, offset: number, length: number, endStream: boolean): void {
    const context = this.#context;
    const { exchanges, engine } = context;
    if (endStream) exchanges.bits[slot]! |= ExchangeBit.requestEnded;
    exchanges.bodyReceived[slot]! += length;
    context.routes?.mirrors.data(slot, offset, length, endStream);
    const stream = exchanges.peer[slot]!;
    if (stream === 0 && exchanges.phase[slot] === Phase.answered) {
      consume(this.#connection, slot, length, true);
      return;
    }
    if (exchanges.bits[slot]! & ExchangeBit.movable && length > 0) {
      if (engine.slab.usedOctets + length > engine.softCapacityOctets) {
        engine.relieve();
        if (exchanges.phase[slot] === Phase.none) return;
      }
      // Without a stream yet, what comes is held whatever its length: the client's window bounds it.
      const held =
        (stream === 0 || exchanges.bodyReceived[slot]! <= REPLAY_OCTETS) &&
        exchanges.replay.append(slot, offset, length, engine.softCapacityOctets);
      if (!held) {
        if (stream === 0) {
          this.#channel.requests.leaveWaiting(slot);
          const name = context.clusters[exchanges.cluster[slot]!]?.snapshot.name ?? "";
          fail(context, slot, PROXY_ERRORS.overBudget, name);
          return;
        }
        dropHeldRequest(context, slot);
      }
    }
    if (stream === 0) return;
    if (endStream && exchanges.bits[slot]! & ExchangeBit.supervised) {
      this.#channel.requests.attempts.complete(slot);
    }
    const upstream = engine.connections[engine.streams.connection[stream]!]!;
    forwardBody(context, slot, upstream, stream, offset, length, endStream);
  }

  onDrained(slot: number, octets: number): void {
    const { exchanges, engine } = this.#context;
    const stream = exchanges.peer[slot]!;
    if (stream === 0) return;
    const { streams } = engine;
    consume(
      engine.connections[streams.connection[stream]!]!,
      stream,
      octets,
      streams.queue.octets[slot] === 0,
    );
  }

  onReset(slot: number, _errorCode: number, cause: ResetCause): void {
    const { exchanges, time } = this.#context;
    // A request that broke the rules with its header section never came to onHeaders.
    if (exchanges.phase[slot] === Phase.none) exchanges.begin(slot, time.nowMs);
    const error =
      cause === ResetCause.peerError
        ? PROXY_ERRORS.downstreamProtocol
        : cause === ResetCause.overBudget
          ? PROXY_ERRORS.overBudget
          : PROXY_ERRORS.cancelled;
    if (exchanges.bits[slot]! & ExchangeBit.finished) return;
    exchanges.grpcStatus[slot] = error.grpcStatus;
    exchanges.flag[slot] = error.flag;
    countEnd(this.#context, slot);
  }

  onClosed(slot: number): void {
    const context = this.#context;
    if (context.explain.tells) context.explain.end(slot);
    const { exchanges, deadlines, attemptTimers } = context;
    if (exchanges.dueMs[slot]! > 0) deadlines.clear(slot);
    if (attemptTimers.size > 0) attemptTimers.clear(slot);
    const phase = exchanges.phase[slot];
    if (phase === Phase.queued || phase === Phase.connecting || phase === Phase.unrouted)
      this.#channel.requests.leaveWaiting(slot);
    exchanges.phase[slot] = Phase.none;
    if (exchanges.peer[slot] !== 0) abandonUpstream(context, slot, ErrorCode.cancel);
    dropHeldRequest(context, slot);
    countEnd(context, slot);
    context.routes?.closed(slot);
    context.access?.closed(slot);
    const clusterSlot = exchanges.cluster[slot]!;
    const cluster = context.clusters[clusterSlot];
    if (cluster !== undefined && --cluster.exchanges === 0) context.releaseCluster(clusterSlot);
    this.#channel.streamClosed();
  }

  onSettings(): void {
    // What a client's SETTINGS change is looked up when something is sent to it.
  }

  onGoaway(): void {
    // The client opens no more streams; it closes the connection when the last has ended.
  }

  onPong(token: number): void {
    this.#channel.pong(token);
  }

  onFailed(errorCode: number, flood: FloodKind | typeof NO_FLOOD): void {
    this.#channel.failed(errorCode, flood);
  }
}
