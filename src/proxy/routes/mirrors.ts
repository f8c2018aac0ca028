import { ErrorCode } from "../../h2/error-code.ts";
import { GRPC_TIMEOUT_OCTETS } from "../../h2/hpack/write-field.ts";
import { sendData } from "../../h2/send.ts";
import type { PickRequest } from "../../lb/picker.ts";
import type { MirrorPolicy } from "../../resource/route.ts";
import { NO_ROUTE } from "../../route/authority-table.ts";
import { ClusterColumn } from "../../telemetry/cluster-counters.ts";
import { ResponseFlag } from "../../telemetry/response-flag.ts";
import { RouteCell, routeColumn } from "../../telemetry/route-counters.ts";
import type { UpstreamChannel } from "../../upstream/upstream-channel.ts";
import { dropUpstream } from "../drop-upstream.ts";
import { ExchangeBit } from "../exchange-table.ts";
import type { ProxyContext } from "../proxy-context.ts";
import type { MirrorBudget } from "./mirror-budget.ts";
import type { RequestMirrors } from "./request-mirrors.ts";

/** Share of what queues and copies may fill of the slab, beyond which no copy takes more: originals come first. */
const SLAB_SHARE = 0.5;

/** One copy. The objects are used again. */
interface Copy {
  policy: MirrorPolicy;
  budget: MirrorBudget;
  clusterSlot: number;
  series: number;
  /** The original's stream, 0 when it is gone. */
  original: number;
  /** 0 before it is opened and after it is over. */
  stream: number;
  bodyOctets: number;
  /** When it is given up, 0 while its original lives. */
  dueMs: number;
}

/** What the copies of one route are begun with. */
export interface MirrorStart {
  readonly policy: MirrorPolicy;
  readonly budget: MirrorBudget;
  readonly clusterSlot: number;
  /** Number of the route's series among the route counters. */
  readonly series: number;
}

/**
 * Copies of requests to a second cluster. A copy is a stream at an endpoint without a client: its answer is read and dropped. It
 * begins when its original is sent, with what is sent, and gets each part of the body as it comes; it waits for nothing and nothing
 * waits for it. Where there is no connection with room at once, no leave of its budget, or little memory, there is no copy.
 */
export class Mirrors implements RequestMirrors {
  readonly #context: ProxyContext;
  readonly #row: Float64Array;
  readonly #copies: Copy[] = [];
  readonly #free: number[] = [];
  /** Number of the copy + 1 by stream: the original's, and the copy's own. */
  readonly #ofOriginal: Uint16Array;
  readonly #ofStream: Uint16Array;
  readonly #request: PickRequest = { sequence: 0, hash: 0, triedCount: 0, tried: new Int32Array(1) };

  /** @param row this worker's row of the route counters. */
  constructor(context: ProxyContext, slots: number, row: Float64Array) {
    this.#context = context;
    this.#row = row;
    this.#ofOriginal = new Uint16Array(slots);
    this.#ofStream = new Uint16Array(slots);
  }

  /** Copies that have begun and are not over. */
  get size(): number {
    return this.#copies.length - this.#free.length;
  }

  /** Makes a request one that is to be copied, if chance and budget have it so. */
  begin(slot: number, start: MirrorStart): void {
    const { random, time } = this.#context;
    const { policy, budget, clusterSlot, series } = start;
    if (random.nextFloat() * 100 >= policy.percent) return;
    if (clusterSlot === NO_ROUTE || this.size >= 0xffff || !budget.take(time.nowMs)) {
      this.#count(series, RouteCell.mirrorsDropped);
      return;
    }
    const number = this.#free.pop() ?? this.#copies.length;
    this.#copies[number] ??= {
      policy,
      budget,
      clusterSlot,
      series,
      original: 0,
      stream: 0,
      bodyOctets: 0,
      dueMs: 0,
    };
    const copy = this.#copies[number];
    copy.policy = policy;
    copy.budget = budget;
    copy.clusterSlot = clusterSlot;
    copy.series = series;
    copy.original = slot;
    copy.stream = 0;
    copy.bodyOctets = 0;
    copy.dueMs = 0;
    this.#ofOriginal[slot] = number + 1;
  }

  attached(slot: number, head: number, length: number): void {
    const number = this.#ofOriginal[slot]! - 1;
    if (number < 0) return;
    const copy = this.#copies[number]!;
    if (copy.stream === 0 && !this.#open(copy, number, slot, head, length)) {
      this.#count(copy.series, RouteCell.mirrorsDropped);
      this.#release(number);
    }
  }

  data(slot: number, offset: number, length: number, endStream: boolean): void {
    const number = this.#ofOriginal[slot]! - 1;
    if (number < 0) return;
    const copy = this.#copies[number]!;
    if (copy.stream !== 0) this.#send(copy, offset, length, endStream);
  }

  ended(slot: number): void {
    const { engine } = this.#context;
    this.data(slot, engine.scratch, 0, true);
  }

  /** The original's stream is gone: a copy that has the whole request may still be answered, unless the client gave up. */
  originalClosed(slot: number): void {
    const number = this.#ofOriginal[slot]! - 1;
    if (number < 0) return;
    const { exchanges, time } = this.#context;
    const copy = this.#copies[number]!;
    this.#ofOriginal[slot] = 0;
    copy.original = 0;
    const isWhole = (exchanges.bits[slot]! & ExchangeBit.requestEnded) !== 0;
    const isCancelled = exchanges.flag[slot] === ResponseFlag.downstreamReset;
    if (copy.stream === 0) this.#release(number);
    else if (isWhole && !isCancelled) copy.dueMs = time.nowMs + copy.policy.timeoutMs;
    else this.#cut(copy);
  }

  upstreamClosed(stream: number): void {
    const number = this.#ofStream[stream]! - 1;
    if (number < 0) return;
    this.#ofStream[stream] = 0;
    this.#release(number);
  }

  /** Gives up copies that take too long; to be called a few times a second. */
  sweep(nowMs: number): void {
    for (const copy of this.#copies)
      if (copy.stream !== 0 && copy.dueMs > 0 && nowMs >= copy.dueMs) this.#cut(copy);
  }

  #open(copy: Copy, number: number, slot: number, head: number, length: number): boolean {
    const { exchanges, clusters, endpoints, endpointRow } = this.#context;
    const cluster = clusters[copy.clusterSlot];
    if (cluster === undefined || cluster.removed || this.#isShort()) return false;
    if (exchanges.bodyReceived[slot]! > copy.policy.maxBodyOctets) return false;
    const { random, time, reach } = this.#context;
    const allowed = this.#context.access?.ofCopy(slot, cluster);
    if (allowed !== undefined && allowed.refusal !== "") return false;
    const endpoint = cluster.pick(this.#request, cluster.loads, random, time.nowMs, allowed?.tiered);
    const subchannel = endpoint < 0 ? undefined : reach(cluster, endpoint)?.of(exchanges.callerClass[slot]!);
    const channel: UpstreamChannel | undefined = subchannel?.available();
    if (channel === undefined) {
      subchannel?.warm();
      return false;
    }
    const upstream = channel.connection.state;
    if (exchanges.headListOctets[slot]! > upstream.peerMaxHeaderListOctets) return false;
    const ended = (exchanges.bits[slot]! & ExchangeBit.requestEnded) !== 0;
    const body = exchanges.replay.head[slot]!;
    const stream = channel.connection.open(
      head,
      length,
      exchanges.headLiteralOctets[slot]! + GRPC_TIMEOUT_OCTETS,
      ended && body === 0,
    );
    if (stream === 0) return false;
    exchanges.peer[stream] = 0;
    exchanges.cluster[stream] = copy.clusterSlot;
    exchanges.endpoint[stream] = endpoint;
    cluster.row[ClusterColumn.attempts]!++;
    endpoints.requests[endpointRow + endpoint]!++;
    endpoints.inFlight[endpointRow + endpoint]!++;
    copy.stream = stream;
    this.#ofStream[stream] = number + 1;
    this.#count(copy.series, RouteCell.mirrored);
    const { replay } = exchanges;
    for (let block = body; block !== 0 && copy.stream === stream; block = replay.next(block))
      this.#send(copy, replay.start(block), replay.length(block), ended && replay.next(block) === 0);
    return true;
  }

  #send(copy: Copy, offset: number, length: number, endStream: boolean): void {
    const { engine } = this.#context;
    copy.bodyOctets += length;
    if (copy.bodyOctets > copy.policy.maxBodyOctets || this.#isShort()) {
      this.#cut(copy);
      return;
    }
    const { stream } = copy;
    sendData(engine.connections[engine.streams.connection[stream]!]!, stream, offset, length, endStream);
  }

  #cut(copy: Copy): void {
    this.#count(copy.series, RouteCell.mirrorsCut);
    copy.dueMs = 0;
    const number = this.#ofStream[copy.stream]! - 1;
    const { stream } = copy;
    // Its budget is free at once: what is still read out of the stream is nobody's copy any more.
    this.#ofStream[stream] = 0;
    this.#release(number);
    dropUpstream(this.#context, stream, ErrorCode.cancel);
  }

  #release(number: number): void {
    const copy = this.#copies[number]!;
    copy.budget.inFlight--;
    copy.stream = 0;
    if (copy.original !== 0) this.#ofOriginal[copy.original] = 0;
    copy.original = 0;
    this.#free.push(number);
  }

  #isShort(): boolean {
    const { engine } = this.#context;
    return engine.slab.usedOctets > engine.softCapacityOctets * SLAB_SHARE;
  }

  #count(series: number, cell: number): void {
    this.#row[routeColumn(series, cell)]!++;
  }
}
