import { ErrorCode } from "../../h2/error-code.ts";
import { sendData } from "../../h2/send.ts";
import { AttemptOutcome } from "../../lb/outlier/attempt-outcome.ts";
import { ByteColumn, ClusterColumn } from "../../telemetry/cluster-counters.ts";
import { PolicyReason } from "../../telemetry/policy-reason.ts";
import { RETRY_REASON_NAMES } from "../../telemetry/retry-reason.ts";
import { RetryResult } from "../../telemetry/retry-result.ts";
import type { Subchannel } from "../../upstream/subchannel.ts";
import type { UpstreamChannel } from "../../upstream/upstream-channel.ts";
import { openAttempt } from "../attach.ts";
import { abandonAttempt, leaveHedgeWait } from "../exchange-fail.ts";
import { ExchangeBit, Phase } from "../exchange-table.ts";
import type { ProxyContext } from "../proxy-context.ts";
import type { AttemptOpener } from "./attempt-opener.ts";
import type { AttemptPolicy } from "./attempt-policy.ts";

/**
 * Further attempts at a request beside one under way, for methods that may run twice. Only requests that are complete and
 * still held are hedged: what is sent is a copy, and its end is known.
 */
export class Hedges {
  /** By client stream: 0 not hedged, 1 hedged, 2 no more hedges because an endpoint said so. Only of supervised ones. */
  readonly allowed: Uint8Array;
  readonly #context: ProxyContext;
  readonly #opener: AttemptOpener;
  /** By client stream: its first attempt, as long as that is under way. */
  readonly #first: Int32Array;

  constructor(context: ProxyContext, opener: AttemptOpener) {
    this.#context = context;
    this.#opener = opener;
    const slots = context.exchanges.peer.length;
    this.allowed = new Uint8Array(slots);
    this.#first = new Int32Array(slots);
  }

  /** @returns whether one more hedge may be sent some time. */
  mayBegin(slot: number, policy: AttemptPolicy): boolean {
    const { exchanges } = this.#context;
    if (this.allowed[slot] !== 1 || exchanges.retried[slot]! >= policy.maxHedges) return false;
    return (exchanges.bits[slot]! & ExchangeBit.movable) !== 0;
  }

  /** Sends a hedge now, or lets it wait for a connection. @returns its stream, 0 when there is none yet or at all. */
  begin(slot: number, policy: AttemptPolicy): number {
    const { exchanges, clusters, time, explain } = this.#context;
    const waits = (exchanges.bits[slot]! & ExchangeBit.hedgeWaiting) !== 0;
    if (waits || exchanges.phase[slot] !== Phase.attached || !this.mayBegin(slot, policy)) return 0;
    const cluster = clusters[exchanges.cluster[slot]!]!;
    const before = exchanges.endpoint[slot]!;
    exchanges.countMove(slot);
    const subchannel = this.#opener.another(slot);
    if (subchannel === undefined || !cluster.takeRetry(PolicyReason.hedge, time.nowMs)) {
      exchanges.moves[slot]!--;
      if (subchannel !== undefined) cluster.row[ClusterColumn.retryResults + RetryResult.overBudget]!++;
      return 0;
    }
    if (exchanges.retried[slot] === 0) this.#first[slot] = exchanges.peer[slot]!;
    if (explain.isOn) explain.moved(slot, RETRY_REASON_NAMES.length + PolicyReason.hedge);
    exchanges.countRetry(slot);
    exchanges.endpoint[slot] = subchannel.options.slot;
    const channel = subchannel.available();
    if (channel !== undefined) {
      const stream = this.attach(slot, subchannel, channel);
      if (stream === 0) exchanges.endpoint[slot] = before;
      return stream;
    }
    exchanges.bits[slot]! |= ExchangeBit.hedgeWaiting;
    subchannel.wait(slot);
    return 0;
  }

  /** Opens a hedge's stream. @returns 0 when the connection cannot take it. */
  attach(slot: number, subchannel: Subchannel, channel: UpstreamChannel): number {
    const { exchanges, endpoints, endpointRow, engine, clusters } = this.#context;
    exchanges.bits[slot]! &= ~ExchangeBit.hedgeWaiting;
    const stream = openAttempt(this.#context, slot, subchannel, channel);
    if (typeof stream === "object") return 0;
    endpoints.inFlight[endpointRow + subchannel.options.slot]!++;
    exchanges.addHedge(slot, stream);
    const { row } = clusters[exchanges.cluster[slot]!]!;
    const column = subchannel.options.sameZone ? ByteColumn.requestSameZone : ByteColumn.requestCrossZone;
    const { replay } = exchanges;
    const { state } = channel.connection;
    let left = exchanges.bodyReceived[slot]!;
    // Sending may free memory at the cost of this very request: then it is over.
    for (let block = replay.head[slot]!; block !== 0 && exchanges.peer[stream] === slot; ) {
      const length = replay.length(block);
      const next = replay.next(block);
      left -= length;
      row[ClusterColumn.bytes + column]! += length;
      sendData(state, stream, replay.start(block), length, left === 0);
      block = next;
    }
    // An empty body may still have its own end.
    const open = exchanges.peer[stream] === slot && engine.streams.id[stream] !== 0;
    return open ? stream : 0;
  }

  /** A hedge that waits for a connection takes the place of attempts that are all gone. */
  promote(slot: number): void {
    const { exchanges, endpoints, endpointRow } = this.#context;
    if (exchanges.peer[slot] !== 0 || !(exchanges.bits[slot]! & ExchangeBit.hedgeWaiting)) return;
    exchanges.bits[slot]! = (exchanges.bits[slot]! & ~ExchangeBit.hedgeWaiting) | ExchangeBit.counted;
    endpoints.inFlight[endpointRow + exchanges.endpoint[slot]!]!++;
    exchanges.bodySent[slot] = 0;
    exchanges.phase[slot] = Phase.connecting;
  }

  /** The answer begins on `stream`: it becomes the request's only attempt, and the others are ended. */
  settle(slot: number, stream: number): void {
    const { exchanges, clusters } = this.#context;
    if (exchanges.bits[slot]! & ExchangeBit.hedgeWaiting) leaveHedgeWait(this.#context, slot);
    if (exchanges.retried[slot]! > 0 && stream !== this.#first[slot]) {
      clusters[exchanges.cluster[slot]!]!.row[ClusterColumn.retryResults + RetryResult.hedgeWon]!++;
    }
    this.#first[slot] = 0;
    exchanges.endpoint[slot] = exchanges.endpoint[stream]!;
    if (exchanges.hedge[slot] !== 0) {
      exchanges.part(slot, stream);
      for (let other = exchanges.peer[slot]!; other !== 0; other = exchanges.peer[slot]!) {
        abandonAttempt(this.#context, slot, other, ErrorCode.cancel, AttemptOutcome.neutral);
      }
      exchanges.peer[slot] = stream;
      exchanges.peer[stream] = slot;
    }
    exchanges.openedMs[slot] = exchanges.openedMs[stream]!;
  }
}
