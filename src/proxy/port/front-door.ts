import type { Socket } from "node:net";
import type { Transport, TransportOwner } from "../../net/transport.ts";
import { NO_ROUTE } from "../../route/authority-table.ts";
import { HostIndex } from "../../route/host-index.ts";
import type { TunnelResult } from "../../telemetry/port-cell.ts";
import { PortCell, PortRefusal } from "../../telemetry/port-cell.ts";
import { WorkerColumn } from "../../telemetry/worker-counters.ts";
import type { Dispatcher } from "../dispatcher.ts";
import type { GuardedArrival } from "../guard/guarded-arrival.ts";
import type { ProxyContext } from "../proxy-context.ts";
import { Arrival } from "./arrival.ts";
import type { ArrivalLimits } from "./arrival-limits.ts";
import { ARRIVAL_LIMITS } from "./arrival-limits.ts";
import { ConnectionPicker } from "./connection-picker.ts";
import type { Http1Handler, LoadHttp1Handler } from "./http1-handler.ts";
import type { ListenerOptions } from "./listener-door.ts";
import { LISTENER_DEFAULTS, ListenerDoor } from "./listener-door.ts";
import { OwnAddresses } from "./own-addresses.ts";
import type { ArrivalHooks, PortServices } from "./port-services.ts";
import type { LookupTarget } from "./target-lookup.ts";
import { TargetLookup } from "./target-lookup.ts";

/** How often connections are looked through for those that nobody uses. */
const SWEEP_MS = 60_000;

/** What a {@link FrontDoor} is made of. */
export interface FrontDoorOptions {
  /** Default: one listener with the name "" and everything by default. */
  readonly listeners?: readonly ListenerOptions[] | undefined;
  /** Without it HTTP/1.1 that is to be handled request by request is answered 503. */
  readonly loadHttp1?: LoadHttp1Handler | undefined;
  /** Default: the system's DNS servers. */
  readonly lookupTarget?: LookupTarget | undefined;
  /** The addresses of this machine; default: those of its interfaces. */
  readonly ownAddresses?: (() => readonly string[]) | undefined;
  /** Where they differ from {@link ARRIVAL_LIMITS}. For tests. */
  readonly limits?: Partial<ArrivalLimits> | undefined;
}

/** Where every connection comes in: who may, what it speaks, and what becomes of what is not HTTP/2. */
export class FrontDoor implements PortServices {
  readonly context: ProxyContext;
  readonly picker: ConnectionPicker;
  readonly hosts: HostIndex;
  readonly own: OwnAddresses;
  readonly lookup: TargetLookup;
  readonly limits: ArrivalLimits;
  readonly arrivals: Set<GuardedArrival>;
  readonly #requests: Dispatcher;
  readonly #loadHttp1: LoadHttp1Handler | undefined;
  readonly #doors = new Map<string, ListenerDoor>();
  readonly #first: ListenerDoor;
  #http1: Promise<Http1Handler> | undefined;
  #handler: Http1Handler | undefined;
  #draining = false;
  #sweptMs = 0;

  constructor(context: ProxyContext, requests: Dispatcher, options: FrontDoorOptions) {
    this.context = context;
    this.#requests = requests;
    this.picker = new ConnectionPicker(context);
    this.hosts = new HostIndex(context.authorities);
    this.own = new OwnAddresses(() => context.time.nowMs, options.ownAddresses);
    this.lookup = new TargetLookup(options.lookupTarget);
    this.arrivals = context.arrivals;
    this.limits = { ...ARRIVAL_LIMITS, ...options.limits };
    this.#loadHttp1 = options.loadHttp1;
    const listeners = options.listeners ?? [{ name: "", ...LISTENER_DEFAULTS }];
    for (const each of listeners) this.#doors.set(each.name, new ListenerDoor(each, context.authorities));
    this.#first = this.#doors.values().next().value!;
  }

  /**
   * Lets a connection in, or closes it: nothing of it is read before.
   *
   * @returns the rules of its listener (the first one, when the name is not known); undefined when it was closed.
   */
  admit(socket: Socket, listener: string): ListenerDoor | undefined {
    const door = this.doorOf(listener);
    if (door.admits(socket)) return door;
    this.countRefusal(PortRefusal.source);
    socket.resetAndDestroy();
    return undefined;
  }

  /** @returns the rules of a listener; of the first one, when the name is not known. */
  doorOf(listener: string): ListenerDoor {
    return this.#doors.get(listener) ?? this.#first;
  }

  /** Takes a connection in. What it speaks is found out where the listener does not declare it. */
  arrive(door: ListenerDoor, hooks: ArrivalHooks, openTransport: (owner: TransportOwner) => Transport): void {
    if (door.protocol === "http2" && !door.hasCluster) {
      hooks.openHttp2(openTransport, NO_ROUTE);
      return;
    }
    const arrival = new Arrival(this, door, hooks, openTransport);
    if (this.#draining) arrival.drain();
  }

  async http1(): Promise<Http1Handler> {
    if (this.#loadHttp1 === undefined) throw new Error("no handler of HTTP/1.1");
    if (this.#http1 === undefined) {
      const loading = this.#loadHttp1({
        context: this.context,
        picker: this.picker,
        requests: this.#requests,
      });
      this.#http1 = loading;
      // A failure is not for ever: the next connection tries again.
      loading.then(
        (handler) => this.#loaded(handler),
        () => (this.#http1 = undefined),
      );
    }
    return this.#http1;
  }

  #loaded(handler: Http1Handler): void {
    this.#handler = handler;
    if (this.#draining) handler.drain();
  }

  countRefusal(reason: PortRefusal): void {
    this.context.workerRow[WorkerColumn.port + PortCell.refused + reason]!++;
  }

  countAcceptError(): void {
    this.context.workerRow[WorkerColumn.port + PortCell.acceptErrors]!++;
  }

  countTunnel(result: TunnelResult): void {
    this.context.workerRow[WorkerColumn.port + PortCell.tunnels + result]!++;
  }

  /** Connections that are not HTTP/2. */
  get size(): number {
    return this.arrivals.size;
  }

  /** The proxy is leaving. What is passed on unchanged is let be until it ends or is cut off. */
  drain(): void {
    this.#draining = true;
    for (const arrival of this.arrivals) arrival.drain();
    this.#handler?.drain();
  }

  /** Closes what is left. @returns connections and requests cut off. */
  cutOff(): number {
    let cut = this.#handler?.cutOff() ?? 0;
    for (const arrival of this.arrivals) if (arrival.cutOff()) cut++;
    return cut;
  }

  /** To be called every now and then: closes connections that nobody has used for long. */
  sweep(nowMs: number): void {
    if (nowMs - this.#sweptMs < SWEEP_MS) return;
    this.#sweptMs = nowMs;
    for (const arrival of this.arrivals) arrival.sweep(nowMs);
  }
}
