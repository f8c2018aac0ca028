import { SocketTransport } from "../../net/socket-transport.ts";
import type { Transport, TransportOwner } from "../../net/transport.ts";
import type { CallerPod } from "../callers/caller-pod.ts";
import type { ProxyContext } from "../proxy-context.ts";
import type { ConnectionPicker } from "./connection-picker.ts";
import type { EndpointLease } from "./endpoint-lease.ts";
import { HeldOctets } from "./held-octets.ts";

/** What an endpoint may say before anybody listens; more waits in the socket. */
const MAX_GREETING_OCTETS = 16_384;

/** Errors of our own machine: they say nothing about the endpoint. */
const LOCAL_ERRORS = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EADDRNOTAVAIL"]);

/** Where a connection leads: to an endpoint of a cluster, or to one address. */
export type DialTarget =
  | {
      readonly clusterSlot: number;
      /** The client speaks TLS to the endpoint itself. Otherwise we do, where the cluster has an identity for it. */
      readonly byClientTls: boolean;
      /** Who calls, where that is known. */
      readonly pod?: CallerPod | undefined;
    }
  | { readonly address: string; readonly port: number; readonly connectTimeoutMs: number };

/** Why nothing came of a dial. */
export type DialFailure = "no_endpoint" | "connect_failure";

/** Who waits for a dial. */
export interface DialOwner {
  onDialled(): void;
  /** The endpoint has spoken before it was spoken to, or has ended; what it said is in {@link EndpointDial.greeting}. */
  onGreeting(): void;
  /** Nothing could be connected to; told once, last. */
  onDialFailed(reason: DialFailure): void;
}

/**
 * A connection to an endpoint in the making: the cluster's picker chooses, and as nothing was sent yet, an endpoint that cannot be
 * connected to is left for another one, at most 3 times and within the cluster's budget for moves.
 */
export class EndpointDial implements TransportOwner {
  owner: DialOwner;
  connected = false;
  /** The endpoint has half-closed already. */
  ended = false;
  /** What the endpoint said unasked. */
  readonly greeting: HeldOctets;
  readonly #context: ProxyContext;
  readonly #picker: ConnectionPicker;
  readonly #target: DialTarget;
  readonly #tried: number[] = [];
  /** The TLS identity dialled with, 0 for none. */
  #tlsIdentity = 0;
  #lease: EndpointLease | undefined;
  #transport: Transport | undefined;
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  /** Dials at once; a failure is told later, never from within. */
  constructor(context: ProxyContext, picker: ConnectionPicker, target: DialTarget, owner: DialOwner) {
    this.#context = context;
    this.#picker = picker;
    this.#target = target;
    this.owner = owner;
    this.greeting = new HeldOctets(context.engine.slab);
    this.#dial();
  }

  #dial(): void {
    const target = this.#target;
    let { address = "", port = 0, connectTimeoutMs = 0 } = target as Partial<EndpointLease>;
    if ("clusterSlot" in target) {
      const lease = this.#picker.pick(target.clusterSlot, this.#tried, undefined, target.pod);
      if (lease === undefined) {
        process.nextTick(() => this.#fail("no_endpoint"));
        return;
      }
      this.#lease = lease;
      ({ address, port, connectTimeoutMs } = lease);
    }
    this.#tlsIdentity = this.#wantedIdentity();
    const { engine, area, tlsClients } = this.#context;
    const tls = tlsClients.get(this.#tlsIdentity);
    // A dial with TLS may have to wait for the handshakes of others first.
    const onDialling = (): void => {
      this.#timer = setTimeout(() => this.#transport?.destroy(), connectTimeoutMs);
    };
    if (tls !== undefined) {
      this.#transport = tls.dial(engine.slab, area, { address, port }, "", this, onDialling);
    } else {
      this.#transport = SocketTransport.connect(engine.slab, area, address, port, this);
      onDialling();
    }
  }

  #wantedIdentity(): number {
    const target = this.#target;
    if (!("clusterSlot" in target) || target.byClientTls) return 0;
    return this.#context.clusters[target.clusterSlot]?.snapshot.tlsIdentity ?? 0;
  }

  /** Whether it leads where such a client wants to go, and in the way that the cluster's endpoints are to be reached now. */
  suits(clusterSlot: number, byClientTls: boolean): boolean {
    const target = this.#target;
    if (!("clusterSlot" in target) || target.clusterSlot !== clusterSlot) return false;
    return this.#tlsIdentity === (byClientTls ? 0 : this.#wantedIdentity());
  }

  onConnected(): void {
    clearTimeout(this.#timer);
    this.connected = true;
    this.#lease?.connected();
    this.owner.onDialled();
  }

  onRead(length: number): void {
    if (!this.greeting.append(this.#context.area.offset, length)) {
      this.#transport?.destroy(true);
      return;
    }
    if (this.greeting.octets >= MAX_GREETING_OCTETS) this.#transport?.pause();
    this.owner.onGreeting();
  }

  onReleased(): void {
    // Nothing is written before somebody takes it.
  }

  onEnd(): void {
    this.ended = true;
    this.owner.onGreeting();
  }

  onClose(error: Error | undefined): void {
    if (this.#over) return;
    clearTimeout(this.#timer);
    this.#transport = undefined;
    const lease = this.#lease;
    this.#lease = undefined;
    if (!this.connected && lease !== undefined) {
      const { code = "" } = (error ?? {}) as NodeJS.ErrnoException;
      if (!LOCAL_ERRORS.has(code)) lease.connectFailed(error);
      this.#tried.push(lease.slot);
    }
    lease?.release();
    const target = this.#target;
    if (this.connected || !("clusterSlot" in target)) this.#fail("connect_failure");
    else if (this.#picker.mayMove(target.clusterSlot, this.#tried.length - 1)) this.#dial();
    else this.#fail("connect_failure");
  }

  #fail(reason: DialFailure): void {
    if (this.#over) return;
    this.#over = true;
    this.greeting.free();
    this.owner.onDialFailed(reason);
  }

  /** Hands the connection over, reading. To be called once, when {@link connected}. @returns it, and its lease if it has one. */
  take(owner: TransportOwner): { transport: Transport; lease: EndpointLease | undefined } {
    const transport = this.#transport!;
    const lease = this.#lease;
    this.#over = true;
    this.#lease = this.#transport = undefined;
    transport.adopt(owner);
    return { transport, lease };
  }

  /** Nobody wants it any more. */
  abandon(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.greeting.free();
    this.#transport?.destroy();
    this.#lease?.release();
    this.#transport = this.#lease = undefined;
  }
}
