import type { ClientHttp2Session } from "node:http2";
import { connect } from "node:http2";
import { duplexPair } from "node:stream";
import type { Connection } from "../h2/connection.ts";
import { ResetCause } from "../h2/connection-sink.ts";
import { Role } from "../h2/connection-state.ts";
import { ErrorCode } from "../h2/error-code.ts";
import { abortStream } from "../h2/stream/stream-life.ts";
import { DuplexTransport } from "../net/duplex-transport.ts";
import type { ChannelOwner } from "../net/h2-channel.ts";
import { H2Channel } from "../net/h2-channel.ts";
import type { CallerPod } from "../proxy/callers/caller-pod.ts";
import type { Dispatcher } from "../proxy/dispatcher.ts";
import { ConnectionCluster } from "../proxy/port/connection-cluster.ts";
import type { ProxyContext } from "../proxy/proxy-context.ts";
import type { RequestChannel } from "../proxy/request-sink.ts";
import { RequestSink } from "../proxy/request-sink.ts";
import type { RouteChoice } from "../proxy/routes/request-routes.ts";

/** Whose requests go through an {@link InnerChannel}. */
export interface InnerClient {
  /** The client's address, "" for a unix socket. */
  readonly source: string;
  /** Who calls, where that is known. */
  readonly pod: CallerPod | undefined;
}

/** How much of a response waits in Node for a client that reads slowly; the rest waits with the endpoint. */
const WINDOW_OCTETS = 262_144;

/**
 * The way from HTTP/1.1 into our own data plane: a client of node:http2 on one end of a pipe in memory, the engine in its server
 * role on the other. A request that goes this way is one like any other: routed, picked, moved, counted and logged there.
 *
 * One for each client connection, not one for all: what a client does wrong ends its own streams only, and a client that
 * reads nothing fills its own windows only.
 */
export class InnerChannel implements ChannelOwner, RequestChannel {
  readonly connection: Connection;
  readonly requests: Dispatcher;
  /** What the request in progress is for, as HTTP/1.1 found out: a name may be short there, or the connection's own. */
  cluster: ConnectionCluster;
  /** The route of the request in progress, as HTTP/1.1 found it. */
  choice: RouteChoice | undefined;
  /** Whose connection it is. */
  readonly caller: { readonly address: string };
  readonly origin: { readonly pod: CallerPod | undefined };
  readonly callerClass: number | undefined;
  readonly session: ClientHttp2Session;
  readonly #context: ProxyContext;
  readonly #channel: H2Channel;
  #released = false;

  constructor(
    context: ProxyContext,
    requests: Dispatcher,
    clusterSlot: number,
    { source, pod }: InnerClient,
  ) {
    this.requests = requests;
    this.caller = { address: source };
    this.origin = { pod };
    this.callerClass = pod?.callerClass;
    this.#context = context;
    this.cluster = this.#pin(clusterSlot);
    const [ours, theirs] = duplexPair();
    const { slab } = context.engine;
    const sink = new RequestSink(context, this);
    this.#channel = new H2Channel(
      context,
      Role.server,
      sink,
      this,
      (owner) => new DuplexTransport(slab, context.area, ours, owner),
      undefined,
      this.callerClass,
    );
    this.connection = this.#channel.connection;
    this.session = connect("http://isobar", {
      createConnection: () => theirs,
      settings: { enablePush: false, initialWindowSize: WINDOW_OCTETS },
    });
    // A session that fails tells each of its streams.
    this.session.on("error", () => {});
    theirs.on("error", () => {});
  }

  /** Whether it takes no more requests. */
  get gone(): boolean {
    return this.session.closed || this.session.destroyed;
  }

  /** The next request is for this cluster. */
  aim(clusterSlot: number): void {
    const former = this.cluster;
    this.cluster = this.#pin(clusterSlot);
    former.release();
  }

  /** Keeps the slot from being given to another cluster while this channel stands. */
  #pin(clusterSlot: number): ConnectionCluster {
    this.#context.clusters[clusterSlot]!.exchanges++;
    return new ConnectionCluster(this.#context, clusterSlot);
  }

  close(): void {
    this.session.destroy();
    this.#channel.destroy();
  }

  streamClosed(): void {
    // It lives as long as the client's connection.
  }

  pong(): void {
    // None is ever asked for.
  }

  failed(): void {
    setImmediate(() => {
      const { state } = this.connection;
      while (state.firstStream !== 0) {
        abortStream(state, state.firstStream, ErrorCode.cancel, ResetCause.connectionLost);
      }
      this.#channel.end();
    });
  }

  onConnected(): void {
    // A pipe stands from the start.
  }

  onGone(): void {
    this.session.destroy();
    if (this.#released) return;
    this.#released = true;
    this.cluster.release();
  }
}
