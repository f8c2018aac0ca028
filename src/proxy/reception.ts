import type { Socket } from "node:net";
import type { H2Channel } from "../net/h2-channel.ts";
import { SocketTransport } from "../net/socket-transport.ts";
import type { Transport, TransportOwner } from "../net/transport.ts";
import type { AnyIpRanges } from "../resource/any-ip.ts";
import { CANARY_NUMBER } from "../resource/any-ip.ts";
import type { PortRefusal } from "../telemetry/port-cell.ts";
import { AccessGate } from "./access/access-gate.ts";
import { CAPTURE_LISTENER } from "./callers/capture-listener.ts";
import type { ServiceChanges } from "./callers/capture-port.ts";
import { CapturePort } from "./callers/capture-port.ts";
import { IdentityHeader } from "./callers/identity-header.ts";
import type { IdentitySigner } from "./callers/identity-signer.ts";
import type { NumberedCaller } from "./callers/numbered-caller.ts";
import type { Origin } from "./callers/origin.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { DownstreamChannel } from "./downstream-channel.ts";
import type { Caller } from "./guard/caller.ts";
import type { Guard } from "./guard/guard.ts";
import type { FrontDoor } from "./port/front-door.ts";
import type { ListenerDoor } from "./port/listener-door.ts";
import type { ProxyContext } from "./proxy-context.ts";

/** What captured connections need; without it there are none. */
export interface CaptureReception {
  readonly anyIp: AnyIpRanges;
  /** Signs who calls, for endpoints; default: they are not told. */
  readonly identity?: { readonly signer: IdentitySigner; readonly lifetimeMs: number } | undefined;
  /** Connections came from an address that is no pod's. Rare. @param count since the last time. */
  readonly onUnknownCaller?: (address: string, count: number) => void;
}

/** What a {@link Reception} is made of. */
export interface ReceptionOptions {
  /** How long until the kernel asks for us whether a silent client's machine is there; 0: never. */
  readonly keepaliveTimeMs: number;
  readonly capture: CaptureReception | undefined;
  /** Told when a client's connection has gone. */
  readonly onDownstreamGone: (() => void) | undefined;
}

/** How long what is no longer captured stays before it is asked to go: by then the kernel sends nobody here any more. */
const RELEASE_MS = 2_500;

/** Takes accepted sockets in: who may, whose they are, and those that speak HTTP/2 for as long as they stand. */
export class Reception {
  readonly #context: ProxyContext;
  readonly #requests: Dispatcher;
  readonly #guard: Guard;
  readonly #frontDoor: FrontDoor;
  readonly #options: ReceptionOptions;
  readonly #downstream: Set<DownstreamChannel>;
  readonly #capture: CapturePort | undefined;
  #draining = false;
  #canaries = 0;
  /** Channels that are asked to go when their time comes, in its order. */
  #releases: { readonly channel: DownstreamChannel; readonly dueMs: number }[] = [];

  constructor(
    context: ProxyContext,
    requests: Dispatcher,
    guard: Guard,
    frontDoor: FrontDoor,
    downstream: Set<DownstreamChannel>,
    options: ReceptionOptions,
  ) {
    this.#context = context;
    this.#requests = requests;
    this.#guard = guard;
    this.#frontDoor = frontDoor;
    this.#downstream = downstream;
    this.#options = options;
    const { capture } = options;
    if (capture === undefined) return;
    // Until somebody comes by a listener, nobody but pods has a class.
    context.turn.queue.reckonsUnclassed = false;
    context.access = new AccessGate(context.exchanges);
    if (capture.identity !== undefined) {
      context.identity = new IdentityHeader(context, capture.identity.signer, capture.identity.lifetimeMs);
    }
    this.#capture = new CapturePort(context, capture.anyIp, {
      take: (socket, origin) => this.#take(socket, frontDoor.doorOf(CAPTURE_LISTENER), origin),
      refuse: (socket, reason) => this.#refuse(socket, reason),
      unknownCaller: (address, count) => capture.onUnknownCaller?.(address, count),
    });
  }

  /** Connections of `isobar capture` itself: they stand until the end, and nobody waits for them. */
  get canaries(): number {
    return this.#canaries;
  }

  /** Requests of `isobar capture` itself so far. */
  get canaryRequests(): number {
    return this.#capture?.canaryRequests ?? 0;
  }

  /** Connections that are not let in yet. */
  get waiting(): number {
    return this.#capture?.waiting ?? 0;
  }

  /** Serves one accepted, paused socket. @param listener name of the listener it came in by. */
  accept(socket: Socket, listener: string): void {
    this.#context.tick();
    if (this.#capture !== undefined && listener === CAPTURE_LISTENER) return this.#capture.receive(socket);
    this.#context.turn.queue.reckonsUnclassed = true;
    const door = this.#frontDoor.admit(socket, listener);
    if (door !== undefined) this.#take(socket, door, undefined);
  }

  /** Takes the pods of this node. @param leftClasses classes that nobody is in any more: another namespace may have them. */
  applyCallers(callers: readonly NumberedCaller[], leftClasses: readonly number[]): void {
    if (this.#capture === undefined) return;
    this.#context.tick();
    const { displaced, released } = this.#capture.applyCallers(callers);
    for (const callerClass of leftClasses)
      for (const subchannel of this.#context.subchannels) subchannel?.forget(callerClass);
    if (displaced.size + released.size === 0) return;
    for (const channel of this.#downstream) {
      const { pod, service } = channel.origin ?? {};
      if (pod === undefined) continue;
      if (displaced.has(pod)) channel.channel.destroy();
      else if (released.has(pod) && service !== "") this.#release(channel);
    }
    for (const arrival of this.#context.arrivals) {
      const { pod } = arrival.origin ?? {};
      if (pod !== undefined && displaced.has(pod)) arrival.displace();
    }
  }

  /** Takes the services that are captured. */
  applyServices(changes: ServiceChanges): void {
    this.#capture?.applyServices(changes);
    if (changes.removed.length === 0) return;
    const removed = new Set(changes.removed);
    for (const channel of this.#downstream) {
      if (channel.origin !== undefined && removed.has(channel.origin.number)) this.#release(channel);
    }
  }

  /** The kernel has the plan with the pods known now. */
  planInForce(): void {
    this.#capture?.planInForce();
  }

  /** To be called a few times a second. */
  sweep(): void {
    if (this.#capture === undefined) return;
    const { nowMs } = this.#context.time;
    this.#capture.sweep();
    while (this.#releases.length > 0 && this.#releases[0]!.dueMs <= nowMs) {
      this.#releases.shift()!.channel.drain();
    }
  }

  /** The proxy is leaving. */
  drain(): void {
    this.#draining = true;
    this.#capture?.drain();
    for (const channel of this.#downstream) if (!isCanary(channel.origin)) channel.drain();
  }

  #release(channel: DownstreamChannel): void {
    this.#releases.push({ channel, dueMs: this.#context.time.nowMs + RELEASE_MS });
  }

  #refuse(socket: Socket, reason: PortRefusal): void {
    this.#frontDoor.countRefusal(reason);
    socket.resetAndDestroy();
  }

  #take(socket: Socket, door: ListenerDoor, origin: Origin | undefined): void {
    const { engine, area } = this.#context;
    const caller = this.#guard.enter(socket.remoteAddress, origin?.pod?.uid);
    if (caller === undefined) {
      socket.destroy();
      return;
    }
    const { keepaliveTimeMs, onDownstreamGone } = this.#options;
    // The kernel asks for us whether the machine at the other end is still there: it costs the process nothing.
    if (keepaliveTimeMs > 0) socket.setKeepAlive(true, keepaliveTimeMs);
    const open = (owner: TransportOwner): Transport =>
      SocketTransport.accept(engine.slab, area, socket, owner);
    if (isCanary(origin)) this.#canaries++;
    const onGone = (): void => {
      if (isCanary(origin)) this.#canaries--;
      this.#guard.leave(caller);
      onDownstreamGone?.();
    };
    const openHttp2 = (openTransport: typeof open, clusterSlot: number): H2Channel =>
      this.#openHttp2(openTransport, clusterSlot, caller, origin, onGone);
    this.#frontDoor.arrive(door, { caller, origin, openHttp2, onGone }, open);
  }

  #openHttp2(
    openTransport: (owner: TransportOwner) => Transport,
    clusterSlot: number,
    caller: Caller,
    origin: Origin | undefined,
    onGone: () => void,
  ): H2Channel {
    const channel = new DownstreamChannel(
      this.#context,
      this.#requests,
      openTransport,
      (gone) => {
        this.#downstream.delete(gone);
        this.#guard.forget(gone);
        onGone();
      },
      { caller, origin, watch: this.#guard.watch(), clusterSlot },
    );
    this.#downstream.add(channel);
    if (this.#draining && !isCanary(origin)) channel.drain();
    if (origin !== undefined && this.#isLeaving(origin)) this.#release(channel);
    return channel.channel;
  }

  /** Whether the connection is captured although it should not be any more: the kernel hears of that later than we do. */
  #isLeaving({ pod, service, number }: Origin): boolean {
    if (this.#capture?.isLeaving(number) === true) return true;
    return pod !== undefined && service !== "" && pod.mode !== "transparent";
  }
}

function isCanary(origin: Origin | undefined): boolean {
  return origin !== undefined && origin.number === CANARY_NUMBER;
}
