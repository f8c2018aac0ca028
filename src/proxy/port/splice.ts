import { Output } from "../../h2/output.ts";
import type { Transport, TransportOwner } from "../../net/transport.ts";
import { ByteColumn, ClusterColumn } from "../../telemetry/cluster-counters.ts";
import type { ProxyContext } from "../proxy-context.ts";
import type { DialFailure, DialOwner, EndpointDial } from "./endpoint-dial.ts";
import type { EndpointLease } from "./endpoint-lease.ts";
import type { HeldOctets } from "./held-octets.ts";

/** Octets that may wait for a side before the other is no longer read; while the octet budget is short, none may. */
const MAX_WAITING_OCTETS = 131_072;

/** Who is told of the end of a {@link Splice}. */
export interface SpliceOwner {
  /** The endpoint could not be had; the client's transport is the owner's again, and is not spliced. */
  spliceFailed(reason: DialFailure): void;
  /** Both connections are gone. Told once, last, and not after {@link spliceFailed}. */
  spliceGone(): void;
}

/**
 * Two connections made one: what either peer sends goes to the other unchanged, its half-close too, and each is read only as
 * fast as the other takes it. What waits is in the slab.
 */
export class Splice implements DialOwner {
  /** Of the worker's clock: when octets last went either way. */
  activeMs: number;
  readonly #context: ProxyContext;
  readonly #owner: SpliceOwner;
  readonly #held: HeldOctets;
  readonly #client: Side;
  readonly #endpoint: Side;
  #dial: EndpointDial | undefined;
  #lease: EndpointLease | undefined;
  #over = false;
  /** Both connections were closed by us: what they hold is on its way back. */
  closing = false;

  /**
   * @param held what was read of the client already.
   * @param clientEnded whether the client has half-closed already.
   */
  constructor(
    context: ProxyContext,
    client: Transport,
    held: HeldOctets,
    clientEnded: boolean,
    dial: EndpointDial,
    owner: SpliceOwner,
  ) {
    this.#context = context;
    this.#owner = owner;
    this.#held = held;
    this.activeMs = context.time.nowMs;
    this.#client = new Side(this, context, client);
    this.#client.ended = clientEnded;
    this.#endpoint = new Side(this, context, undefined);
    client.adopt(this.#client);
    client.resume();
    this.#dial = dial;
    dial.owner = this;
    if (dial.connected) this.onDialled();
  }

  onDialled(): void {
    const dial = this.#dial!;
    this.#dial = undefined;
    const { transport, lease } = dial.take(this.#endpoint);
    this.#lease = lease;
    this.#endpoint.open(transport);
    if (lease !== undefined) {
      const { row } = lease.cluster;
      row[ClusterColumn.splicedConnections]!++;
      row[ClusterColumn.splicedConnectionsTotal]!++;
    }
    this.#pass(this.#held, this.#endpoint);
    this.#pass(dial.greeting, this.#client);
    if (this.#over) return;
    transport.resume();
    if (this.#endpoint.waitingOctets === 0) this.#client.resume();
    if (this.#client.ended) transport.end(Number.POSITIVE_INFINITY);
    if (dial.ended) this.onEnd(this.#endpoint);
  }

  #pass(held: HeldOctets, to: Side): void {
    const length = held.octets;
    if (length > 0 && !this.#over) this.#write(to, held.start, length);
    held.free();
  }

  onGreeting(): void {
    // It is passed on as soon as the connection is taken over, which is now.
  }

  onDialFailed(reason: DialFailure): void {
    this.#dial = undefined;
    this.#over = true;
    this.#held.free();
    this.#client.output.destroy();
    this.#owner.spliceFailed(reason);
  }

  /** What a side has read. */
  onRead(from: Side, length: number): void {
    const { area, tick, time } = this.#context;
    tick();
    this.activeMs = time.nowMs;
    if (this.#dial !== undefined) {
      // The endpoint is not there yet.
      if (!this.#held.append(area.offset, length)) this.close(true);
      else if (this.#held.octets >= MAX_WAITING_OCTETS / 2) from.pause();
      return;
    }
    const to = from === this.#client ? this.#endpoint : this.#client;
    this.#write(to, area.offset, length);
    if (!this.#over && to.waitingOctets > this.#allowedOctets()) from.pause();
  }

  /** Octets that wait in the slab, both ways. */
  get heldOctets(): number {
    const greeting = this.#dial?.greeting.octets ?? 0;
    return this.#held.octets + greeting + this.#client.waitingOctets + this.#endpoint.waitingOctets;
  }

  #allowedOctets(): number {
    const { slab, softCapacityOctets } = this.#context.engine;
    return slab.usedOctets > softCapacityOctets ? 0 : MAX_WAITING_OCTETS;
  }

  #write(to: Side, offset: number, length: number): void {
    const { output } = to;
    const at = output.reserve(length);
    if (at === 0) {
      this.close(true);
      return;
    }
    this.#context.engine.slab.bytes.copyWithin(at, offset, offset + length);
    output.commit(at + length);
    output.flush();
    this.#count(to, length);
  }

  #count(to: Side, length: number): void {
    const lease = this.#lease;
    if (lease === undefined) return;
    const request = to === this.#endpoint;
    const column = lease.sameZone
      ? request
        ? ByteColumn.requestSameZone
        : ByteColumn.responseSameZone
      : request
        ? ByteColumn.requestCrossZone
        : ByteColumn.responseCrossZone;
    lease.cluster.row[ClusterColumn.splicedBytes + column]! += length;
  }

  /** Something that waited for a side has left. */
  onReleased(to: Side): void {
    const from = to === this.#client ? this.#endpoint : this.#client;
    if (from.paused && to.waitingOctets <= this.#allowedOctets() / 2) from.resume();
  }

  /** A peer half-closed: so do we on the other side, behind all that it sent. */
  onEnd(from: Side): void {
    from.ended = true;
    const to = from === this.#client ? this.#endpoint : this.#client;
    // Without an endpoint yet, it is told when there is one.
    to.transport?.end(Number.POSITIVE_INFINITY);
  }

  onClosed(side: Side, error: Error | undefined): void {
    const other = side === this.#client ? this.#endpoint : this.#client;
    if (other.transport !== undefined && !other.gone) {
      // An orderly end was passed on by onEnd. Everything else must not look like one: a cut answer is not a short one.
      if (error !== undefined || !side.ended || !other.ended) other.transport.destroy(true);
      return;
    }
    this.#finish();
  }

  /** Closes both connections at once. */
  close(reset: boolean): void {
    if (this.#over) return;
    this.closing = true;
    this.#dial?.abandon();
    this.#dial = undefined;
    this.#client.transport!.destroy(reset);
    this.#endpoint.transport?.destroy(reset);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#dial?.abandon();
    this.#held.free();
    const lease = this.#lease;
    if (lease !== undefined) {
      lease.cluster.row[ClusterColumn.splicedConnections]!--;
      lease.release();
    }
    this.#owner.spliceGone();
  }
}

/** One of the two connections. */
class Side implements TransportOwner {
  transport: Transport | undefined;
  /** There from {@link open} on. */
  output!: Output;
  /** The peer has half-closed. */
  ended = false;
  gone = false;
  paused = false;
  readonly #splice: Splice;
  readonly #context: ProxyContext;

  constructor(splice: Splice, context: ProxyContext, transport: Transport | undefined) {
    this.#splice = splice;
    this.#context = context;
    if (transport !== undefined) this.open(transport);
  }

  open(transport: Transport): void {
    this.transport = transport;
    // What a read brings is written at once: there is nothing to gather until the turn ends.
    this.output = new Output(this.#context.engine.slab, transport, () => {});
  }

  /** Octets that the transport has taken and not sent. */
  get waitingOctets(): number {
    return this.output?.backlogOctets ?? 0;
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.transport!.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.transport!.resume();
  }

  onRead(length: number): void {
    this.#splice.onRead(this, length);
  }

  onReleased(): void {
    this.output.released();
    this.#splice.onReleased(this);
  }

  onConnected(): void {
    // Both stand before they come here.
  }

  onEnd(): void {
    this.#splice.onEnd(this);
  }

  onClose(error: Error | undefined): void {
    this.gone = true;
    this.output.destroy();
    this.#splice.onClosed(this, error);
  }
}
