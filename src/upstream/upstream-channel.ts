import { TokenBucket } from "../base/token-bucket.ts";
import type { Connection } from "../h2/connection.ts";
import type { ConnectionSink } from "../h2/connection-sink.ts";
import { Role } from "../h2/connection-state.ts";
import { ErrorCode } from "../h2/error-code.ts";
import { resetStream } from "../h2/reset-stream.ts";
import type { ChannelContext, ChannelOwner } from "../net/h2-channel.ts";
import { H2Channel } from "../net/h2-channel.ts";
import { SocketTransport } from "../net/socket-transport.ts";
import type { Transport, TransportOwner } from "../net/transport.ts";
import type { KeepaliveStep } from "./keepalive.ts";
import { Keepalive } from "./keepalive.ts";
import type { OwnStream } from "./own-stream.ts";
import type { TlsClient } from "./tls-client.ts";

/**
 * Resets we may send on one connection: half of what nghttp2 tolerates before it answers with GOAWAY (1,000 at once, then
 * 33 a second), because the connection is shared and its other streams would pay.
 */
const RESET_BURST = 500;
const RESETS_PER_SECOND = 16;

/** What our PINGs to silent endpoints carry. */
const KEEPALIVE_TOKEN = 0x6b_65_65_70;

const MAX_STREAM_ID = 2 ** 31 - 1;
/** Streams a connection has ids for. */
export const MAX_STREAMS: number = 2 ** 30 - 1;
/** The last so many streams of a connection that may not have more, at most, are what another one is made ready in. */
const MOST_RENEWAL_STREAMS = 64;

/** Endpoints that take fewer streams than this are kept from counting one that we have just reset as open. */
const TIGHT_STREAM_LIMIT = 10_000;
/**
 * How long a reset stream still takes room: node:http2 answers a stream that is one too many by its own count with
 * ENHANCE_YOUR_CALM, after which nothing may be moved.
 */
const SETTLING_MS = 50;

/** Where a channel dials. */
export interface UpstreamTarget {
  /** An IP literal. */
  readonly address: string;
  readonly port: number;
  /** From the start of the dial; one that waits for the TLS handshakes of others has not started. */
  readonly connectTimeoutMs: number;
  /** The identity to connect as; default: in clear text. */
  readonly tls?: TlsClient | undefined;
  /** When a silent endpoint is asked for a sign of life; default: never. */
  readonly keepalive?: {
    readonly timeMs: number;
    readonly timeoutMs: number;
    /** See {@link Keepalive}; for tests. */
    readonly minPingMs: number;
  };
}

/** What a channel tells the subchannel it belongs to. */
export interface UpstreamChannelOwner {
  /** The connection stands: streams may be opened. */
  channelReady(channel: UpstreamChannel): void;
  /** Room that reset streams still took is free. */
  channelSettled(channel: UpstreamChannel): void;
  /** The connection could not be made, or is gone. */
  channelGone(channel: UpstreamChannel, error: Error | undefined): void;
}

/** @returns how many of a connection's streams are left when another connection is to be made. */
function renewalStreams(maxStreams: number): number {
  return Math.min(Math.ceil(maxStreams / 10), MOST_RENEWAL_STREAMS, maxStreams - 1);
}

/** One connection to an endpoint, from the first SYN to its end. */
export class UpstreamChannel implements ChannelOwner {
  readonly channel: H2Channel;
  readonly connection: Connection;
  /** Whether the connection ever stood: connected, and the endpoint has sent its SETTINGS. */
  connected = false;
  /** False until connected, and again once it is gone or going. */
  ready = false;
  /** What the last GOAWAY said; -1 before one came. */
  goawayCode = -1;
  /** Given up because a PING was not answered. */
  timedOut = false;
  readonly keepalive: Keepalive;
  /** Set when the engine had to end the connection: the peer broke HTTP/2. */
  protocolErrorCode = -1;
  /** The proxy's own stream on this connection, if it has one. */
  ownStream: OwnStream | undefined;
  readonly #owner: UpstreamChannelOwner;
  readonly #resets: TokenBucket;
  readonly #now: () => number;
  /** The highest stream id this connection takes, and the one from which on another is to be made. */
  #lastId: number;
  #renewId: number;
  readonly #deferred = new Set<number>();
  /** Streams reset so lately that the endpoint may still count them. */
  #settling = 0;
  #deferTimer: NodeJS.Timeout | undefined;
  #connectTimer: NodeJS.Timeout | undefined;

  constructor(
    context: ChannelContext,
    target: UpstreamTarget,
    owner: UpstreamChannelOwner,
    sinkFor: (channel: UpstreamChannel) => ConnectionSink,
    now: () => number,
    maxStreams = MAX_STREAMS,
    callerClass = 0,
  ) {
    this.#lastId = 2 * maxStreams - 1;
    this.#renewId =
      maxStreams === MAX_STREAMS ? MAX_STREAM_ID : this.#lastId - 2 * renewalStreams(maxStreams);
    this.keepalive = new Keepalive(target.keepalive?.minPingMs);
    this.#owner = owner;
    this.#now = now;
    this.#resets = new TokenBucket(RESET_BURST, RESETS_PER_SECOND, now());
    const { slab } = context.engine;
    const { area } = context;
    const onDialling = (): void => {
      this.#connectTimer = setTimeout(() => this.channel.destroy(), target.connectTimeoutMs);
    };
    if (target.tls === undefined) onDialling();
    const open = (transportOwner: TransportOwner): Transport =>
      target.tls === undefined
        ? SocketTransport.connect(slab, area, target.address, target.port, transportOwner)
        : target.tls.dial(slab, area, target, "h2", transportOwner, onDialling);
    // What an endpoint sends is work for those who asked for it.
    this.channel = new H2Channel(context, Role.client, sinkFor(this), this, open, undefined, callerClass);
    this.connection = this.channel.connection;
  }

  /** Streams more that may be opened now. */
  get capacity(): number {
    if (!this.ready || !this.channel.open || this.exhausted) return 0;
    return Math.max(0, this.connection.capacity - this.#settling);
  }

  /** Every stream id has been used, or as many as this connection may: it takes no more, however few it has open. */
  get exhausted(): boolean {
    return this.connection.state.nextLocalId > this.#lastId;
  }

  /** Nearly so: another connection is to be made, so that nobody has to wait for it. */
  get aging(): boolean {
    return this.connection.state.nextLocalId > this.#renewId;
  }

  /** Lets it take as many streams more as it was to take at first. @returns false when it has no ids for them. */
  prolong(): boolean {
    const more = this.#lastId + 1;
    if (this.#lastId + more > MAX_STREAM_ID) return false;
    this.#renewId += more;
    this.#lastId += more;
    return true;
  }

  /**
   * Notes a stream that is read out for want of leave to reset it: it is reset as soon as there is. Such streams would take
   * the room of others, so new ones go to another connection, and this one closes when it has nothing else.
   */
  deferReset(slot: number): void {
    this.#deferred.add(slot);
    this.retire();
    this.#deferTimer ??= setTimeout(() => this.#resetDeferred(), 1000 / RESETS_PER_SECOND);
  }

  /** A stream has ended; it needs no reset any more. */
  streamClosed(slot: number): void {
    if (this.#deferred.size > 0) this.#deferred.delete(slot);
  }

  #resetDeferred(): void {
    this.#deferTimer = undefined;
    for (const slot of this.#deferred) {
      if (!this.#resets.take(this.#now())) break;
      resetStream(this.connection.state, slot, ErrorCode.cancel);
    }
    if (this.#deferred.size > 0) {
      this.#deferTimer = setTimeout(() => this.#resetDeferred(), 1000 / RESETS_PER_SECOND);
    }
  }

  /** Takes leave to send one RST_STREAM. @returns false when the stream should rather be read out and dropped. */
  takeReset(nowMs: number): boolean {
    if (!this.#resets.take(nowMs)) return false;
    if (this.connection.state.peerMaxConcurrentStreams < TIGHT_STREAM_LIMIT) {
      this.#settling++;
      setTimeout(() => this.#settled(), SETTLING_MS);
    }
    return true;
  }

  #settled(): void {
    this.#settling--;
    if (this.ready) this.#owner.channelSettled(this);
  }

  onConnected(): void {
    // Nothing to do yet: the endpoint's SETTINGS say how many streams it takes.
  }

  /** The endpoint's SETTINGS are in force; with the first the connection stands. */
  settingsReceived(): void {
    if (this.connected) return;
    clearTimeout(this.#connectTimer);
    this.connected = true;
    this.ready = true;
    this.#owner.channelReady(this);
  }

  /**
   * Sees whether the endpoint is still there, if streams wait for it.
   *
   * @returns `lost` when it did not answer a PING in time: the caller is to {@link giveUp}.
   */
  checkKeepalive(nowMs: number, target: UpstreamTarget): KeepaliveStep {
    const { state } = this.connection;
    const { keepalive } = target;
    if (keepalive === undefined || !this.connected || state.activeStreams === 0 || state.failed)
      return "none";
    const { timeMs, timeoutMs } = keepalive;
    const step = this.keepalive.check(nowMs, state.lastReceivedMs, timeMs, timeoutMs);
    if (step === "ping") this.connection.ping(KEEPALIVE_TOKEN);
    return step;
  }

  /** The endpoint does not answer: no goodbye, nothing more is sent. */
  giveUp(): void {
    this.ready = false;
    this.timedOut = true;
    this.channel.destroy();
  }

  onGone(error: Error | undefined): void {
    clearTimeout(this.#connectTimer);
    clearTimeout(this.#deferTimer);
    this.ready = false;
    this.#owner.channelGone(this, error);
  }

  /** Takes no more streams; the connection is closed as soon as it has none. */
  retire(): void {
    this.ready = false;
    this.ownStream?.cancel();
    this.closeIfIdle();
  }

  /** As {@link closeIfIdle}, when the stream that is just ending has gone. */
  closeWhenIdle(): void {
    if (this.connection.state.activeStreams <= this.#deferred.size + 1)
      setImmediate(() => this.closeIfIdle());
  }

  /** Ends a connection that takes no more streams and has none left but those that nobody waits for. */
  closeIfIdle(): void {
    if (!this.ready && this.connection.state.activeStreams === this.#deferred.size) this.channel.end();
  }
}
