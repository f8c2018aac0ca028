import type { ConnectionState } from "../../h2/connection-state.ts";
import type { Caller } from "./caller.ts";
import type { DownstreamWatch } from "./downstream-watch.ts";

/** A client's HTTP/2 connection, as limits and sweeps see it. */
export interface GuardedConnection {
  readonly caller: Caller;
  readonly watch: DownstreamWatch;
  readonly connection: {
    readonly state: ConnectionState;
    /** Sends PING with a token of 31 bits. */
    ping(token: number): void;
  };
  readonly channel: {
    /** Whether nothing is read from it at the moment, because its caller holds much. */
    readonly held: boolean;
    hold(): void;
    unhold(): void;
    destroy(): void;
  };
  /** Asks the client to go when its streams have ended. */
  drain(): void;
}
