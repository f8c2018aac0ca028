import type { Connection } from "../h2/connection.ts";
import { ResetCause } from "../h2/connection-sink.ts";
import { Role } from "../h2/connection-state.ts";
import { ErrorCode } from "../h2/error-code.ts";
import type { FloodKind, NO_FLOOD } from "../h2/flood-kind.ts";
import { abortStream } from "../h2/stream/stream-life.ts";
import type { ChannelOwner } from "../net/h2-channel.ts";
import { H2Channel } from "../net/h2-channel.ts";
import type { Transport, TransportOwner } from "../net/transport.ts";
import { NO_ROUTE } from "../route/authority-table.ts";
import { DownstreamProtocol, errorCodeCell, WorkerColumn } from "../telemetry/worker-counters.ts";
import { NO_CLASS } from "./callers/caller-classes.ts";
import type { Origin } from "./callers/origin.ts";
import type { RequestScope } from "./callers/request-scope.ts";
import { countFlood } from "./count-flood.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Caller } from "./guard/caller.ts";
import type { DownstreamWatch } from "./guard/downstream-watch.ts";
import type { GuardedConnection } from "./guard/guarded-connection.ts";
import { ConnectionCluster } from "./port/connection-cluster.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { RequestSink } from "./request-sink.ts";

/** Token of the PING that separates the two phases of a drain. */
const DRAIN_TOKEN = 0x64_72_61_69;
/** A client that does not answer the PING gets the second GOAWAY anyway after this long. */
const DRAIN_PING_MS = 1000;

/** Whose connection a {@link DownstreamChannel} is, and what it is for. */
export interface DownstreamClient {
  readonly caller: Caller;
  /** Undefined for one that was not captured. */
  readonly origin: Origin | undefined;
  readonly watch: DownstreamWatch;
  /** The connection's own cluster, or NO_ROUTE. */
  readonly clusterSlot: number;
}

/** One client's connection. */
export class DownstreamChannel implements ChannelOwner, GuardedConnection {
  readonly caller: Caller;
  readonly watch: DownstreamWatch;
  readonly channel: H2Channel;
  readonly connection: Connection;
  readonly requests: Dispatcher;
  /** The cluster that all requests of the connection are for, whatever their authority; undefined when that decides. */
  readonly cluster: ConnectionCluster | undefined;
  /** What the accept of a captured connection says. */
  readonly origin: Origin | undefined;
  readonly scope: RequestScope | undefined;
  readonly callerClass: number;
  readonly #context: ProxyContext;
  readonly #onGone: (channel: DownstreamChannel) => void;
  #drainTimer: NodeJS.Timeout | undefined;
  #drained = false;

  constructor(
    context: ProxyContext,
    dispatcher: Dispatcher,
    openTransport: (owner: TransportOwner) => Transport,
    onGone: (channel: DownstreamChannel) => void,
    { caller, origin, watch, clusterSlot }: DownstreamClient,
  ) {
    this.cluster = clusterSlot === NO_ROUTE ? undefined : new ConnectionCluster(context, clusterSlot);
    this.caller = caller;
    this.origin = origin;
    this.scope = origin?.scope;
    this.callerClass = origin?.pod?.callerClass ?? NO_CLASS;
    this.watch = watch;
    this.#context = context;
    this.requests = dispatcher;
    this.#onGone = onGone;
    const sink = new RequestSink(context, this);
    const { floods } = caller;
    this.channel = new H2Channel(context, Role.server, sink, this, openTransport, floods, this.callerClass);
    this.connection = this.channel.connection;
    context.workerRow[WorkerColumn.downstreamConnections + DownstreamProtocol.h2c]!++;
    if (origin?.pod !== undefined) context.workerRow[WorkerColumn.sourceChannels + origin.pod.source]!++;
  }

  /**
   * Asks the client to go, without losing a request: GOAWAY for all ids, PING, and when the PING has come back (so every
   * stream the client opened before it knew is here) GOAWAY with the last id. Source: RFC 9113 §6.8.
   */
  drain(): void {
    if (this.#drainTimer !== undefined || this.#drained) return;
    this.connection.announceGoaway();
    this.connection.ping(DRAIN_TOKEN);
    this.#drainTimer = setTimeout(() => this.#finishDrain(), DRAIN_PING_MS);
  }

  pong(token: number): void {
    if (token === DRAIN_TOKEN && this.#drainTimer !== undefined) this.#finishDrain();
  }

  #finishDrain(): void {
    clearTimeout(this.#drainTimer);
    if (this.#drained || this.channel.gone) return;
    this.#drained = true;
    this.connection.finalGoaway();
    this.#endIfIdle();
  }

  /** A stream of this connection is about to go. */
  streamClosed(): void {
    if (this.#drained && this.connection.state.activeStreams <= 1) setImmediate(() => this.#endIfIdle());
  }

  #endIfIdle(): void {
    if (this.connection.state.activeStreams === 0) this.channel.end();
  }

  /** The client broke HTTP/2, or the budget has no room for it: what was said is flushed, and it is gone. */
  failed(errorCode: number, flood: FloodKind | typeof NO_FLOOD): void {
    countFlood(this.#context.workerRow, flood);
    this.#context.workerRow[WorkerColumn.downstreamProtocolErrors + errorCodeCell(errorCode)]!++;
    setImmediate(() => {
      const { state } = this.connection;
      // The goodbye may linger; what the endpoints do for this client ends now.
      while (state.firstStream !== 0) {
        abortStream(state, state.firstStream, ErrorCode.cancel, ResetCause.connectionLost);
      }
      this.channel.end();
    });
  }

  onConnected(): void {
    // Accepted connections stand from the start.
  }

  onGone(): void {
    clearTimeout(this.#drainTimer);
    this.cluster?.release();
    const { workerRow } = this.#context;
    workerRow[WorkerColumn.downstreamConnections + DownstreamProtocol.h2c]!--;
    const pod = this.origin?.pod;
    if (pod !== undefined) workerRow[WorkerColumn.sourceChannels + pod.source]!--;
    this.#onGone(this);
  }
}
