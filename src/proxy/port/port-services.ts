import type { Transport, TransportOwner } from "../../net/transport.ts";
import type { HostIndex } from "../../route/host-index.ts";
import type { PortRefusal, TunnelResult } from "../../telemetry/port-cell.ts";
import type { Origin } from "../callers/origin.ts";
import type { Caller } from "../guard/caller.ts";
import type { GuardedArrival } from "../guard/guarded-arrival.ts";
import type { ProxyContext } from "../proxy-context.ts";
import type { ArrivalLimits } from "./arrival-limits.ts";
import type { ConnectionPicker } from "./connection-picker.ts";
import type { Http1Handler } from "./http1-handler.ts";
import type { OwnAddresses } from "./own-addresses.ts";
import type { TargetLookup } from "./target-lookup.ts";

/** Whose an arrival is, and what becomes of it outside. */
export interface ArrivalHooks {
  readonly caller: Caller;
  /** What the accept says of a captured connection; undefined for others. */
  readonly origin: Origin | undefined;
  /**
   * Makes the connection one of HTTP/2.
   *
   * @param clusterSlot the connection's cluster, pinned (`exchanges` counts it) until that connection is gone; NO_ROUTE for none.
   * @returns who takes what was read.
   */
  openHttp2(openTransport: (owner: TransportOwner) => Transport, clusterSlot: number): TransportOwner;
  /** The connection is gone and was never handed over by {@link openHttp2}. */
  onGone(): void;
}

/** What the arrivals of one worker share. */
export interface PortServices {
  readonly context: ProxyContext;
  readonly picker: ConnectionPicker;
  readonly hosts: HostIndex;
  readonly own: OwnAddresses;
  readonly lookup: TargetLookup;
  readonly limits: ArrivalLimits;
  /** Connections that are not HTTP/2, or not known to be yet. */
  readonly arrivals: Set<GuardedArrival>;
  /** The handler of HTTP/1.1, loaded when it is first asked for; rejects when there is none. */
  http1(): Promise<Http1Handler>;
  countRefusal(reason: PortRefusal): void;
  countTunnel(result: TunnelResult): void;
}
