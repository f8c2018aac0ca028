import type { AgentOptions, ClientRequest, ClientRequestArgs } from "node:http";
import { Agent } from "node:http";
import type { Duplex } from "node:stream";
import type { EndpointLease } from "../proxy/port/endpoint-lease.ts";
import type { EndpointConnector } from "./endpoint-connector.ts";
import type { Http1Limits } from "./http1-limits.ts";

/** What a request says about the connection it wants. */
export interface EndpointRequestOptions extends ClientRequestArgs {
  readonly lease: EndpointLease;
  /** Not one that was used before. */
  readonly fresh: boolean;
  /** Class of the caller: no connection has requests of two. */
  readonly callerClass: number;
}

/** Keeps connections of HTTP/1.1 to endpoints, a bounded number for a bounded time. */
export class EndpointAgent extends Agent {
  readonly #connector: EndpointConnector;
  readonly #limits: Http1Limits;
  readonly #guards = new WeakMap<Duplex, () => void>();

  constructor(connector: EndpointConnector, limits: Http1Limits) {
    const options: AgentOptions = {
      keepAlive: true,
      scheduling: "lifo",
      maxSockets: limits.maxConnectionsPerEndpoint,
      maxFreeSockets: limits.maxFreeConnectionsPerEndpoint,
    };
    super(options);
    this.#connector = connector;
    this.#limits = limits;
  }

  /** Connections are shared by what goes to the same endpoint in the same way. */
  override getName(options?: ClientRequestArgs): string {
    const { lease, fresh, callerClass } = options as EndpointRequestOptions;
    const { slot, address, port, cluster } = lease;
    const way = `${slot} ${address} ${port} ${cluster.snapshot.tlsIdentity}`;
    return `${way} ${callerClass}${fresh ? " fresh" : ""}`;
  }

  override createConnection(
    options: ClientRequestArgs,
    created?: (error: Error | null, connection: Duplex) => void,
  ): undefined {
    // A connection comes with no error, and the other way round.
    this.#connector.connect((options as EndpointRequestOptions).lease, (error, made) =>
      created!(error, made!),
    );
    return undefined;
  }

  /** A connection nobody uses: what comes on it belongs to no request, so it would answer somebody else's. */
  override keepSocketAlive(connection: Duplex): boolean {
    const drop = (): void => {
      connection.destroy();
    };
    const timer = setTimeout(drop, this.#limits.freeConnectionMs);
    connection.once("data", drop);
    connection.once("end", drop);
    connection.once("close", release);
    function release(): void {
      clearTimeout(timer);
      connection.off("data", drop);
      connection.off("end", drop);
      connection.off("close", release);
    }
    this.#guards.set(connection, release);
    return true;
  }

  override reuseSocket(connection: Duplex, request: ClientRequest): void {
    this.#guards.get(connection)?.();
    super.reuseSocket(connection, request);
  }
}
