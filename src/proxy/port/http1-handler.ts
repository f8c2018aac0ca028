import type { Transport } from "../../net/transport.ts";
import type { CallerPod } from "../callers/caller-pod.ts";
import type { Dispatcher } from "../dispatcher.ts";
import type { ProxyContext } from "../proxy-context.ts";
import type { ConnectionPicker } from "./connection-picker.ts";

/** A connection that speaks HTTP/1.1 and is to be handled request by request. */
export interface Http1Arrival {
  /** Paused. The handler adopts it before {@link Http1Handler.accept} returns, and resumes it when it wants more. */
  readonly transport: Transport;
  /** What was read already, from the first octet of the first request on; 1 to 81,920 octets, the handler's to keep. */
  readonly octets: Buffer;
  /**
   * The cluster slot the connection itself is for (its listener's, or that of the tunnel it came in by), whatever Host
   * says; -1 when there is none and Host decides. A slot that is not -1 stays valid until {@link onGone} is called.
   */
  readonly clusterSlot: number;
  /** The client's address, "" for a unix socket. */
  readonly source: string;
  /** Who calls, where that is known. */
  readonly pod?: CallerPod | undefined;
  /** The listener's name from the configuration. */
  readonly listener: string;
  /** To be called once, when the transport is gone: the front door's accounts are closed then. */
  onGone(): void;
}

/**
 * HTTP/1.1 at L7. Connections that nothing asks to look into are spliced and never come here.
 */
export interface Http1Handler {
  /** Takes over a connection. Must not throw. */
  accept(arrival: Http1Arrival): void;
  /** Lets requests finish: answers carry `connection: close` from now on, idle connections are closed. */
  drain(): void;
  /** Closes what is left. @returns requests cut off. */
  cutOff(): number;
}

/** What a {@link Http1Handler} is made of. */
export interface Http1Services {
  readonly context: ProxyContext;
  readonly picker: ConnectionPicker;
  /** Where what goes on as HTTP/2 comes in, like the requests of every other client. */
  readonly requests: Dispatcher;
}

/** Loads the handler when the first connection needs it, so that a proxy without HTTP/1.1 does not carry it. */
export type LoadHttp1Handler = (services: Http1Services) => Promise<Http1Handler>;
