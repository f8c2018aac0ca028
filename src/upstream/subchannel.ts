import type { SlotLinks } from "../base/slot-list.ts";
import { SlotList } from "../base/slot-list.ts";
import type { ConnectionSink } from "../h2/connection-sink.ts";
import type { ChannelContext } from "../net/h2-channel.ts";
import type { ConnectFailure } from "./connect-failure.ts";
import { connectFailureOf } from "./connect-failure.ts";
import type { UpstreamChannelOwner, UpstreamTarget } from "./upstream-channel.ts";
import { MAX_STREAMS, UpstreamChannel } from "./upstream-channel.ts";

const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 20_000;
const BACKOFF_FACTOR = 1.6;
/** Streams that may wait for one connection being made, whose SETTINGS are not known yet. */
const EXPECTED_STREAMS = 1024;

/** What a subchannel tells the proxy. */
export interface SubchannelOwner {
  /** The sink for the streams of a new connection. */
  sinkFor(subchannel: Subchannel, channel: UpstreamChannel): ConnectionSink;
  /** A stream that waited here can be opened on `channel`. */
  waiterReady(slot: number, subchannel: Subchannel, channel: UpstreamChannel): void;
  /** A stream that waited here has to go elsewhere: no connection could be made. */
  waiterFailed(slot: number, failure: ConnectFailure): void;
  /** A stream that waited here is to be picked for again: the new connection is full already. */
  waiterLeft(slot: number): void;
  /** The endpoint is set aside because it cannot be reached, or is in use again: candidates change. */
  asideChanged(subchannel: Subchannel, aside: boolean): void;
  /** A connection has room again. */
  capacityBack(subchannel: Subchannel): void;
  /** A connection has ended. */
  disconnected(subchannel: Subchannel, channel: UpstreamChannel, error: Error | undefined): void;
  connectFailed(subchannel: Subchannel, error: Error | undefined): void;
  /** A connection stands. */
  connected(subchannel: Subchannel): void;
  /** A connection's endpoint was asked for a sign of life, or has not given one in time. */
  keepalive(subchannel: Subchannel, step: "ping" | "lost"): void;
  /** Retired, and its last connection is gone. */
  released(subchannel: Subchannel): void;
}

/** What a subchannel is made of. */
export interface SubchannelOptions extends UpstreamTarget {
  /** The endpoint's process-wide slot. */
  readonly slot: number;
  readonly clusterSlot: number;
  /** 0: none is made. */
  readonly maxConnections: number;
  /** Streams after which a connection is replaced; default: when its ids are used up. */
  readonly maxRequestsPerConnection?: number;
  readonly zone: string;
  /** Whether the endpoint is in the node's own zone. */
  readonly sameZone: boolean;
}

/**
 * The connections to one endpoint, and the streams that wait for them.
 *
 *     idle ──first stream──▶ connecting ──▶ ready ──all gone──▶ idle
 *                               └──failed──▶ set aside (back-off 0.5 s to 20 s, jittered) ──▶ idle
 *
 * Streams share as few connections as the endpoint's MAX_CONCURRENT_STREAMS allows, because full connections batch better;
 * more are made (up to `maxConnections`) only when those are full.
 */
export class Subchannel implements UpstreamChannelOwner {
  readonly waiting: SlotList;
  retired = false;
  #options: SubchannelOptions;
  #aside = false;
  /** The class of callers that its connections are for. */
  readonly #callerClass: number;
  /** The endpoint's own subchannel, where this is a pool of it for a class of callers. */
  readonly #root: Subchannel;
  readonly #links: SlotLinks;
  /** By class; undefined as long as there was one class only. */
  #pools: (Subchannel | undefined)[] | undefined;
  /** Of classes that are gone, whose connections finish what they have. */
  readonly #formerPools = new Set<Subchannel>();
  readonly #context: ChannelContext;
  readonly #owner: SubchannelOwner;
  readonly #now: () => number;
  readonly #jitter: () => number;
  readonly #channels: UpstreamChannel[] = [];
  #connecting = 0;
  /** Who uses the endpoint's slot beside streams on connections of this subchannel. */
  #pins = 0;
  #backoffMs = FIRST_BACKOFF_MS;
  /** No connection beside those that stand is tried before this time. */
  #growAgainMs = 0;
  #backoffTimer: NodeJS.Timeout | undefined;

  constructor(
    context: ChannelContext,
    links: SlotLinks,
    owner: SubchannelOwner,
    options: SubchannelOptions,
    now: () => number,
    jitter: () => number,
    pool?: { readonly root: Subchannel; readonly callerClass: number },
  ) {
    this.#context = context;
    this.#owner = owner;
    this.#options = options;
    this.#root = pool?.root ?? this;
    this.#callerClass = pool?.callerClass ?? 0;
    this.#links = links;
    this.#now = now;
    this.#jitter = jitter;
    this.waiting = new SlotList(links);
  }

  /** An update may change them; slot, address and port stay. */
  get options(): SubchannelOptions {
    return this.#options;
  }

  set options(options: SubchannelOptions) {
    this.#options = options;
    for (const pool of this.#allPools()) pool.#options = options;
  }

  /** True while the endpoint is avoided after failed connects. */
  get aside(): boolean {
    return this.#root.#aside;
  }

  /**
   * Connections are not shared between classes of callers: what one does to a connection is felt by its own class only. Class 0, where callers are not told
   * apart, has this subchannel's own.
   *
   * @param callerClass 0 to 255.
   */
  of(callerClass: number): Subchannel {
    return callerClass === 0 ? this : (this.#pools?.[callerClass] ?? this.#newPool(callerClass));
  }

  #newPool(callerClass: number): Subchannel {
    const [owner, options, of] = [this.#owner, this.#options, { root: this, callerClass }];
    const pool = new Subchannel(this.#context, this.#links, owner, options, this.#now, this.#jitter, of);
    pool.retired = this.retired;
    this.#pools ??= [];
    this.#pools[callerClass] = pool;
    return pool;
  }

  /** Nobody of a class of callers is left: its connections close when their streams have ended, and its number may be another's. */
  forget(callerClass: number): void {
    const pool = this.#pools?.[callerClass];
    if (pool === undefined) return;
    this.#pools![callerClass] = undefined;
    this.#formerPools.add(pool);
    pool.#retirePool();
  }

  *#allPools(): Iterable<Subchannel> {
    for (const pool of this.#pools ?? []) if (pool !== undefined) yield pool;
    yield* this.#formerPools;
  }

  /** @returns a connection with room for a stream of our own, whichever callers it is for. */
  anyAvailable(): UpstreamChannel | undefined {
    let channel = this.available();
    if (this.#pools === undefined) return channel;
    for (const pool of this.#pools) channel ??= pool?.available();
    return channel;
  }

  get connectionCount(): number {
    return this.#channels.length;
  }

  /** @returns a connection with room for a stream now, or undefined. */
  available(): UpstreamChannel | undefined {
    const channels = this.#channels;
    for (let i = 0; i < channels.length; i++) if (channels[i]!.capacity > 0) return channels[i]!;
    return undefined;
  }

  /** @returns whether a stream may wait here: a connection is on its way with room, or may be made. */
  canWait(): boolean {
    if (this.retired) return false;
    if (this.waiting.size < this.#connecting * EXPECTED_STREAMS) return true;
    if (this.options.maxConnections === 0) return false;
    const taking = this.#liveCount() + this.#connecting;
    if (taking > this.#connecting && this.#now() < this.#growAgainMs) return false;
    // Somebody has to serve, whatever the others still have to finish.
    return taking === 0 || this.#counted() + this.#connecting < this.options.maxConnections;
  }

  /** Connections that count: those that take streams, and those that were replaced by others and finish what they have. */
  #counted(): number {
    let counted = 0;
    for (const channel of this.#channels)
      if (channel.exhausted || (channel.ready && channel.channel.open)) counted++;
    return counted;
  }

  /** Connections that take streams: one the endpoint is draining does not count. */
  #liveCount(): number {
    let live = 0;
    for (const channel of this.#channels) {
      if (channel.exhausted) channel.retire();
      if (channel.ready && channel.channel.open) live++;
    }
    return live;
  }

  /** Makes a connection if there is none: for those that do not wait, but come again. */
  warm(): void {
    if (this.#connecting === 0 && !this.aside && this.canWait()) this.#connect();
  }

  /** Lets a stream wait for a connection; {@link canWait} was true. */
  wait(slot: number): void {
    this.waiting.push(slot);
    if (this.waiting.size > this.#connecting * EXPECTED_STREAMS) this.#connect();
  }

  /** Room has opened on a connection: who waits here is served first. */
  serveWaiting(): void {
    while (this.waiting.head !== 0) {
      const channel = this.available();
      if (channel === undefined) return;
      this.#owner.waiterReady(this.waiting.shift(), this, channel);
    }
  }

  /** The endpoint is gone from the snapshot: no new streams, connections close when idle. */
  retire(): void {
    this.retired = true;
    clearTimeout(this.#backoffTimer);
    for (const pool of this.#allPools()) pool.#retirePool();
    this.#retirePool();
  }

  #retirePool(): void {
    this.retired = true;
    while (this.waiting.head !== 0) this.#owner.waiterLeft(this.waiting.shift());
    for (const channel of [...this.#channels]) channel.retire();
    this.#releaseIfUnused();
  }

  /** Keeps the endpoint's slot for a connection or request that goes past this subchannel's connections. */
  pin(): void {
    this.#pins++;
  }

  /** Ends what {@link pin} began. */
  unpin(): void {
    this.#pins--;
    if (this.retired) this.#releaseIfUnused();
  }

  /** Notes what became of a dial made outside: it sets the endpoint aside, or takes it back, as one of its own would. */
  dialled(connected: boolean): void {
    if (this.retired) return;
    if (!connected) {
      this.#connectFailed();
      return;
    }
    this.#backoffMs = FIRST_BACKOFF_MS;
    this.#setAside(false);
  }

  #releaseIfUnused(): void {
    const root = this.#root;
    if (root !== this && this.#channels.length === 0) root.#formerPools.delete(this);
    if (!root.retired || root.#channels.length > 0 || root.#pins > 0) return;
    for (const pool of root.#allPools()) if (pool.#channels.length > 0) return;
    this.#owner.released(root);
  }

  /**
   * Looks after connections with streams whose endpoint is silent. One that does not answer is given up, its idle neighbours
   * too, and the endpoint is avoided as after a failed connect.
   */
  checkKeepalive(nowMs: number): void {
    if (this.#pools !== undefined) for (const pool of this.#allPools()) pool.checkKeepalive(nowMs);
    for (let i = this.#channels.length - 1; i >= 0; i--) {
      const channel = this.#channels[i]!;
      if (channel.timedOut) continue;
      const step = channel.checkKeepalive(nowMs, this.options);
      if (step === "none") continue;
      this.#owner.keepalive(this, step);
      if (step === "lost") this.#lost(channel);
    }
  }

  #lost(lost: UpstreamChannel): void {
    lost.giveUp();
    if (this.retired) return;
    for (const channel of [...this.#channels]) {
      if (channel.ready && channel.connection.state.activeStreams === 0) channel.giveUp();
    }
    this.#connectFailed();
  }

  #connect(): void {
    this.#connecting++;
    const channel = new UpstreamChannel(
      this.#context,
      this.options,
      this,
      (made) => this.#owner.sinkFor(this, made),
      this.#now,
      this.#streamLimit(),
      this.#callerClass,
    );
    this.#channels.push(channel);
  }

  /** Up to a tenth fewer than allowed, so that connections begun together are not replaced together. */
  #streamLimit(): number {
    const most = this.options.maxRequestsPerConnection ?? 0;
    return most === 0 ? MAX_STREAMS : most - Math.floor(this.#jitter() * (most / 10));
  }

  /**
   * A stream was opened on a connection that takes few or no more: another one is made ready before that, and the connection
   * is closed when its last stream has ended. While earlier ones that were replaced still have streams, and there is no room for one
   * more than `maxConnections` (for the time of the handover), it serves on.
   *
   * @returns whether it takes no more.
   */
  renew(aging: UpstreamChannel): boolean {
    const isFresh = (channel: UpstreamChannel): boolean => channel.ready && !channel.aging;
    const mayConnect = this.#connecting === 0 && !this.retired && this.options.maxConnections > 0;
    if (mayConnect && !this.#channels.some(isFresh)) {
      if (this.#counted() <= this.options.maxConnections || !aging.prolong()) this.#connect();
    }
    if (!aging.exhausted) return false;
    aging.retire();
    return true;
  }

  channelReady(channel: UpstreamChannel): void {
    this.#connecting--;
    this.#backoffMs = FIRST_BACKOFF_MS;
    this.#root.#setAside(false);
    this.#owner.connected(this);
    if (this.retired) {
      channel.retire();
      return;
    }
    this.serveWaiting();
    // More wait than this connection takes: they look for room again, here or elsewhere.
    const room = this.#connecting * EXPECTED_STREAMS;
    for (let left = this.waiting.size - room; left > 0; left--) this.#owner.waiterLeft(this.waiting.shift());
  }

  channelSettled(): void {
    this.serveWaiting();
    this.#owner.capacityBack(this);
  }

  channelGone(channel: UpstreamChannel, error: Error | undefined): void {
    const at = this.#channels.indexOf(channel);
    if (at >= 0) this.#channels.splice(at, 1);
    if (channel.connected) {
      this.#owner.disconnected(this, channel, error);
    } else {
      this.#connecting--;
      this.#owner.connectFailed(this, error);
      if (!this.retired) this.#connectFailed();
    }
    if (this.#connecting === 0) this.#failWaiting(connectFailureOf(error));
    if (this.retired) this.#releaseIfUnused();
  }

  #connectFailed(): void {
    const jittered = this.#backoffMs * (0.8 + 0.4 * this.#jitter());
    this.#backoffMs = Math.min(this.#backoffMs * BACKOFF_FACTOR, MAX_BACKOFF_MS);
    if (this.#liveCount() > 0) {
      // One more could not be made, but the endpoint is there: who waited looks for room again, here or elsewhere.
      this.#growAgainMs = this.#now() + jittered;
      if (this.#connecting > 0) return;
      for (let left = this.waiting.size; left > 0; left--) this.#owner.waiterLeft(this.waiting.shift());
      return;
    }
    const root = this.#root;
    root.#setAside(true);
    clearTimeout(root.#backoffTimer);
    root.#backoffTimer = setTimeout(() => root.#setAside(false), jittered);
  }

  #setAside(aside: boolean): void {
    if (this.#aside === aside) return;
    this.#aside = aside;
    if (!aside) clearTimeout(this.#backoffTimer);
    this.#owner.asideChanged(this, aside);
  }

  /** Sends those who wait elsewhere. Each may come back here at once, so only those present now are told. */
  #failWaiting(failure: ConnectFailure): void {
    for (let left = this.waiting.size; left > 0 && this.waiting.head !== 0; left--) {
      this.#owner.waiterFailed(this.waiting.shift(), failure);
    }
  }
}
