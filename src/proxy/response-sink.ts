import { grpcStatusOfReset } from "../grpc/status-of-reset.ts";
import type { ConnectionSink } from "../h2/connection-sink.ts";
import { ResetCause } from "../h2/connection-sink.ts";
import type { ConnectionState } from "../h2/connection-state.ts";
import { ErrorCode } from "../h2/error-code.ts";
import type { FloodKind, NO_FLOOD } from "../h2/flood-kind.ts";
import { BlockKind } from "../h2/hpack/block-kind.ts";
import { releaseFields } from "../h2/hpack/release-fields.ts";
import { consume } from "../h2/receive-data.ts";
import { sendData, sendTrailers, writeHeaders } from "../h2/send.ts";
import { StreamBit } from "../h2/stream/stream-table.ts";
import { AttemptOutcome, outcomeOfStatus } from "../lb/outlier/attempt-outcome.ts";
import { ByteColumn, ClusterColumn } from "../telemetry/cluster-counters.ts";
import { PolicyReason } from "../telemetry/policy-reason.ts";
import { RetryReason } from "../telemetry/retry-reason.ts";
import { errorCodeCell, WorkerColumn } from "../telemetry/worker-counters.ts";
import type { OwnStream } from "../upstream/own-stream.ts";
import type { Subchannel } from "../upstream/subchannel.ts";
import type { UpstreamChannel } from "../upstream/upstream-channel.ts";
import { bodySent } from "./attach.ts";
import { attemptEnded, measureAnswer } from "./attempt-end.ts";
import { countFlood } from "./count-flood.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { dropHeldRequest } from "./exchange-end.ts";
import { abandonUpstream, fail } from "./exchange-fail.ts";
import { ExchangeBit, Phase } from "./exchange-table.ts";
import { appendExplanation } from "./explain/append-explanation.ts";
import { httpErrorBits, outcomeOfHttp } from "./http-outcome.ts";
import { takeLoadReport } from "./load-reports/take-load-report.ts";
import type { ProxyContext } from "./proxy-context.ts";
import type { ProxyError } from "./proxy-error.ts";
import { PROXY_ERRORS } from "./proxy-error.ts";
import { lossOf } from "./retry/loss-of.ts";

/** Where the responses of one endpoint's connection come in. */
export class ResponseSink implements ConnectionSink {
  readonly #context: ProxyContext;
  readonly #dispatcher: Dispatcher;
  readonly #subchannel: Subchannel;
  readonly #channel: UpstreamChannel;

  constructor(
    context: ProxyContext,
    dispatcher: Dispatcher,
    subchannel: Subchannel,
    channel: UpstreamChannel,
  ) {
    this.#context = context;
    this.#dispatcher = dispatcher;
    this.#subchannel = subchannel;
    this.#channel = channel;
  }

  /**
   * The endpoint's side is complete. If ours towards it is too, the two streams have nothing more to tell each other; else
   * the answer came early, and the end of the client's stream will reset the endpoint's.
   */
  #part(stream: number, slot: number, pushedBack: boolean): void {
    const { exchanges, engine } = this.#context;
    const status = exchanges.grpcStatus[slot]!;
    // No status at all is none that gRPC allows; of other requests the HTTP status is all there is.
    const bits = exchanges.bits[slot]!;
    const isBare = status < 0 && (bits & (ExchangeBit.grpc | ExchangeBit.serverError)) !== 0;
    const found = isBare ? outcomeOfHttp(bits) : outcomeOfStatus(status);
    const outcome = pushedBack && status > 0 ? AttemptOutcome.load : found;
    attemptEnded(this.#context, slot, exchanges.endpoint[stream]!, outcome);
    exchanges.phase[slot] = Phase.answered;
    if (!(engine.streams.bits[stream]! & StreamBit.localClosed)) return;
    exchanges.peer[slot] = 0;
    exchanges.peer[stream] = 0;
  }

  /** @returns the proxy's own stream, if this is it and none of a client's. */
  #ownStream(stream: number): OwnStream | undefined {
    const { ownStream } = this.#channel;
    return ownStream?.slot === stream ? ownStream : undefined;
  }

  #downstreamOf(slot: number): ConnectionState {
    const { engine } = this.#context;
    return engine.connections[engine.streams.connection[slot]!]!;
  }

  onHeaders(stream: number, kind: BlockKind, octets: number, endStream: boolean): void {
    this.#channel.keepalive.heard = true;
    const { exchanges, engine, routes } = this.#context;
    const { slab, pool, scratch } = engine;
    const slot = exchanges.peer[stream]!;
    const { decoder } = this.#channel.connection.state;
    if (slot === 0) {
      releaseFields(slab, pool, scratch, octets);
      const own = this.#ownStream(stream);
      if (own !== undefined) own.onHeaders(decoder.status, decoder.grpcStatus);
      return;
    }
    if (decoder.loadReports > 0) octets = takeLoadReport(this.#context, decoder, slot, stream, octets);
    if (
      exchanges.bits[slot]! & ExchangeBit.supervised &&
      this.#dispatcher.attempts.headers(stream, slot, decoder, endStream)
    ) {
      releaseFields(slab, pool, scratch, octets);
      return;
    }
    const downstream = this.#downstreamOf(slot);
    if (decoder.grpcStatus >= 0) exchanges.grpcStatus[slot] = decoder.grpcStatus;
    const growth = kind === BlockKind.response ? (routes?.responseGrowth(slot) ?? 0) : 0;
    if (decoder.listOctets + growth > downstream.peerMaxHeaderListOctets) {
      releaseFields(slab, pool, scratch, octets);
      this.#giveUp(slot, PROXY_ERRORS.responseTooLarge);
      return;
    }
    if (decoder.status >= 500) exchanges.bits[slot]! |= httpErrorBits(decoder.status);
    if (endStream) this.#part(stream, slot, decoder.retryPushbackMs >= 0);
    if (kind === BlockKind.trailers) {
      sendTrailers(downstream, slot, scratch, octets, decoder.outLiteralOctets);
      return;
    }
    if (decoder.status >= 200) {
      const { outliers } = this.#context;
      if (outliers.trialCount > 0) outliers.answered(this.#subchannel.options.slot);
      const announced = decoder.contentLength >= 0 ? ExchangeBit.lengthAnnounced : 0;
      exchanges.bits[slot]! |= ExchangeBit.responseStarted | announced;
      if (exchanges.bits[slot]! & ExchangeBit.movable) dropHeldRequest(this.#context, slot);
      if (!endStream) measureAnswer(this.#context, slot, exchanges.endpoint[stream]!);
    }
    if (routes !== undefined && decoder.status >= 200) octets = routes.changeResponse(slot, octets);
    const { explain } = this.#context;
    const length =
      explain.tells && decoder.status >= 200
        ? appendExplanation(this.#context, slot, downstream, octets, decoder.listOctets + growth)
        : octets;
    writeHeaders(downstream, slot, scratch, length, decoder.outLiteralOctets, endStream);
    releaseFields(slab, pool, scratch, length);
  }

  onHeadersTooLarge(): void {
    // Told of requests only.
  }

  onData(stream: number, offset: number, length: number, endStream: boolean): void {
    this.#channel.keepalive.heard = true;
    const { exchanges, clusters } = this.#context;
    const slot = exchanges.peer[stream]!;
    const { state } = this.#channel.connection;
    if (slot === 0) {
      const own = this.#ownStream(stream);
      if (own !== undefined) own.onData(offset, length, endStream);
      else consume(state, stream, length, true);
      return;
    }
    const cell = this.#subchannel.options.sameZone
      ? ByteColumn.responseSameZone
      : ByteColumn.responseCrossZone;
    clusters[exchanges.cluster[slot]!]!.row[ClusterColumn.bytes + cell]! += length;
    exchanges.responseOctets[slot]! += length;
    if (endStream) this.#part(stream, slot, false);
    const sent = sendData(this.#downstreamOf(slot), slot, offset, length, endStream);
    if (sent > 0 && !endStream) consume(state, stream, sent, sent === length);
  }

  onDrained(stream: number, octets: number): void {
    const { exchanges, engine } = this.#context;
    const slot = exchanges.peer[stream]!;
    if (slot !== 0) bodySent(this.#context, slot, octets, engine.streams.queue.octets[stream] === 0);
  }

  onReset(stream: number, errorCode: number, cause: ResetCause): void {
    const context = this.#context;
    const { exchanges } = context;
    const slot = exchanges.peer[stream]!;
    if (slot === 0) return;
    const supervised = (exchanges.bits[slot]! & ExchangeBit.supervised) !== 0;
    if (supervised) {
      exchanges.part(slot, stream);
      exchanges.openedMs[slot] = exchanges.openedMs[stream]!;
    } else {
      exchanges.peer[slot] = 0;
      exchanges.peer[stream] = 0;
    }
    // The answer is whole; a server that gives it early asks by RST_STREAM(NO_ERROR) for no more (RFC 9113 §8.1).
    if (exchanges.phase[slot] === Phase.answered) return;
    const started = (exchanges.bits[slot]! & ExchangeBit.responseStarted) !== 0;
    const refused =
      cause === ResetCause.unprocessed ||
      (cause === ResetCause.peer && errorCode === ErrorCode.refusedStream);
    const neutral = cause === ResetCause.notSent || cause === ResetCause.overBudget;
    const fault = cause === ResetCause.connectionLost ? AttemptOutcome.lost : AttemptOutcome.fault;
    const outcome = neutral ? AttemptOutcome.neutral : refused ? AttemptOutcome.load : fault;
    attemptEnded(context, slot, this.#subchannel.options.slot, outcome);
    const { attempts } = this.#dispatcher;
    const loss = supervised ? lossOf(errorCode, cause) : 0;
    if (supervised && attempts.goesOn(slot, loss)) return;
    if (cause === ResetCause.unprocessed && !started) {
      this.#dispatcher.move(slot, RetryReason.goaway, PROXY_ERRORS.refused);
    } else if (cause === ResetCause.peer && errorCode === ErrorCode.refusedStream && !started) {
      this.#dispatcher.move(slot, RetryReason.refusedStream, PROXY_ERRORS.refused);
    } else if (cause === ResetCause.notSent) {
      this.#dispatcher.move(slot, RetryReason.notSent, PROXY_ERRORS.connectionLost);
    } else if (!supervised || !attempts.retry(slot, loss, PolicyReason.reset)) {
      this.#failed(slot, errorCode, cause);
    }
  }

  #failed(slot: number, errorCode: number, cause: ResetCause): void {
    const { exchanges, time } = this.#context;
    const due = exchanges.dueMs[slot]!;
    let error: ProxyError = PROXY_ERRORS.connectionLost;
    if (cause === ResetCause.peer && errorCode === ErrorCode.cancel && due > 0 && time.nowMs >= due) {
      // Some servers tell a passed deadline by a reset; theirs may arrive before our own timer's next tick.
      error = PROXY_ERRORS.deadline;
    } else if (cause === ResetCause.peer) {
      error = { ...PROXY_ERRORS.upstreamReset, grpcStatus: grpcStatusOfReset(errorCode) };
    } else if (cause === ResetCause.peerError) {
      error = PROXY_ERRORS.upstreamProtocol;
    } else if (cause === ResetCause.overBudget) {
      error = PROXY_ERRORS.overBudget;
    }
    const { address, port } = this.#subchannel.options;
    const detail = cause === ResetCause.peer ? `, error code ${errorCode}` : "";
    fail(this.#context, slot, error, `${this.#clusterName(slot)} (${address}:${port}${detail})`);
  }

  #giveUp(slot: number, error: ProxyError): void {
    abandonUpstream(this.#context, slot, ErrorCode.cancel);
    fail(this.#context, slot, error, this.#clusterName(slot));
  }

  #clusterName(slot: number): string {
    const { exchanges, clusters } = this.#context;
    return clusters[exchanges.cluster[slot]!]?.snapshot.name ?? "";
  }

  onClosed(stream: number): void {
    const { exchanges, endpoints, endpointRow, clusters, attemptTimers } = this.#context;
    const own = this.#ownStream(stream);
    if (own !== undefined) {
      own.onClosed();
      return;
    }
    if (attemptTimers.size > 0) attemptTimers.clear(stream);
    const slot = exchanges.peer[stream]!;
    if (slot !== 0) exchanges.part(slot, stream);
    this.#context.routes?.mirrors.upstreamClosed(stream);
    endpoints.inFlight[endpointRow + this.#subchannel.options.slot]!--;
    const cluster = clusters[exchanges.cluster[stream]!];
    if (cluster?.hasWaiting) this.#dispatcher.wake(cluster);
    if (this.#subchannel.waiting.size > 0) this.#dispatcher.wakeWaiting(this.#subchannel);
    this.#channel.streamClosed(stream);
    if (!this.#channel.ready) this.#channel.closeWhenIdle();
  }

  onSettings(): void {
    const { state } = this.#channel.connection;
    this.#context.upstreams[state.place] = this.#channel;
    this.#channel.settingsReceived();
    this.#capacityBack();
  }

  onGoaway(_lastStreamId: number, errorCode: number): void {
    this.#channel.goawayCode = errorCode;
    this.#channel.retire();
  }

  onPong(): void {
    this.#channel.keepalive.answered();
  }

  onBodyTooLarge(): void {
    // Told of requests only.
  }

  onFailed(errorCode: number, flood: FloodKind | typeof NO_FLOOD): void {
    countFlood(this.#context.workerRow, flood);
    this.#channel.protocolErrorCode = errorCode;
    this.#context.workerRow[WorkerColumn.upstreamProtocolErrors + errorCodeCell(errorCode)]!++;
    this.#channel.retire();
    this.#channel.channel.end();
    // Whoever has a stream here need not wait until an endpoint that breaks the protocol closes its side.
    setImmediate(() => this.#channel.channel.destroy());
  }

  #capacityBack(): void {
    const cluster = this.#context.clusters[this.#subchannel.options.clusterSlot];
    if (cluster !== undefined) this.#dispatcher.wake(cluster);
  }
}
