import type { experimental, Metadata, StatusObject } from "@grpc/grpc-js";
import type { monotonicClock } from "../base/clock.ts";
import { ReportResult } from "../grpc/load-report-reader.ts";
import { GrpcStatus } from "../grpc/status.ts";
import { AttemptOutcome, outcomeOfStatus } from "../lb/outlier/attempt-outcome.ts";
import type { CallHold } from "./call-hold.ts";
import type { ClusterBalance } from "./cluster-balance.ts";
import type { EndpointConnection } from "./endpoint-connection.ts";
import type { EndpointTable } from "./endpoint-table.ts";
import { OWN_ROW } from "./endpoint-table.ts";
import type { RoutedCall } from "./routed-call.ts";

type Subchannel = experimental.SubchannelInterface;
type RealSubchannel = ReturnType<Subchannel["getRealSubchannel"]>;
type CreateCall = Parameters<RealSubchannel["createCall"]>;
type CallListener = CreateCall[3];

/** A pick may be dropped without a word, when the call's deadline passes while its credentials are asked for. */
const HOLD_MS = 2_000;
/** What a failure counts as at least, in units of the cluster's usual latency: failing fast must not look like being fast. */
const FAULT_LATENCIES = 10;
const REPORT_BINARY = "endpoint-load-metrics-bin";
const REPORT_TEXT = "endpoint-load-metrics";

/** PickResultType.COMPLETE of grpc-js. */
const COMPLETE: experimental.PickResultType = 0;

/** What picked calls have in common. */
export interface PickedCallOptions {
  readonly table: EndpointTable;
  readonly clock: typeof monotonicClock;
}

/**
 * One attempt of a call at the endpoint it was picked for, from the pick to its end: counts it in, tells what its answer says. It is the
 * result of the pick and, for grpc-js, the subchannel too: a view of the real one through which the beginning of the answer is seen, which
 * a pick is not told of otherwise; for a stream that lives for hours its end says nothing of the endpoint.
 */
export class PickedCall implements CallHold, CallListener {
  readonly pickResultType: typeof COMPLETE = COMPLETE;
  readonly subchannel: Subchannel;
  readonly status = null;
  /** grpc-js calls it without the object it belongs to. */
  readonly onCallEnded: (code: number, details: string, metadata: Metadata) => void;
  readonly slot: number;
  untilMs: number;
  isHeld = true;
  readonly #options: PickedCallOptions;
  readonly #call: RoutedCall;
  readonly #cluster: ClusterBalance;
  readonly #connection: EndpointConnection;
  #listener: CallListener | undefined;
  #beganMs = 0;
  /** Whether measures have been told that it began, and not yet that it was answered. */
  #isAwaited = false;
  #isAnswered = false;

  constructor(
    options: PickedCallOptions,
    call: RoutedCall,
    cluster: ClusterBalance,
    connection: EndpointConnection,
    nowMs: number,
  ) {
    this.#options = options;
    this.#call = call;
    this.#cluster = cluster;
    this.#connection = connection;
    this.slot = connection.endpoint!.slot;
    this.untilMs = nowMs + HOLD_MS;
    this.subchannel = this as unknown as Subchannel;
    this.onCallEnded = (code, _, metadata) => this.#ended(code, metadata);
    options.table.hold(this);
  }

  /** The call is on its way. */
  onCallStarted(): void {
    const { table, clock } = this.#options;
    const { slot } = this;
    const nowMs = clock.nowMs();
    // The hold was given up meanwhile: it counts from now on.
    if (!this.isHeld) {
      this.isHeld = true;
      table.hold(this);
    }
    this.untilMs = Number.POSITIVE_INFINITY;
    this.#beganMs = nowMs;
    this.#call.attempted(slot);
    table.counters.requests[slot]!++;
    if (this.#isAnswered || !this.#cluster.observesLatency) return;
    this.#isAwaited = true;
    table.counters.measures.began(OWN_ROW, slot, nowMs);
  }

  getConnectivityState(): number {
    return this.#connection.subchannel.getConnectivityState();
  }

  getCallCredentials(): ReturnType<Subchannel["getCallCredentials"]> {
    return this.#connection.subchannel.getCallCredentials();
  }

  getChannelzRef(): ReturnType<Subchannel["getChannelzRef"]> {
    return this.#connection.subchannel.getChannelzRef();
  }

  getAddress(): string {
    return this.#connection.subchannel.getAddress();
  }

  /** What grpc-js opens the stream on. */
  getRealSubchannel(): RealSubchannel {
    return this as unknown as RealSubchannel;
  }

  /** Opens the stream on the real subchannel, and listens in. */
  createCall(
    metadata: CreateCall[0],
    host: CreateCall[1],
    method: CreateCall[2],
    listener: CallListener,
    callId: CreateCall[4],
  ): ReturnType<RealSubchannel["createCall"]> {
    this.#listener = listener;
    return this.#connection.subchannel.getRealSubchannel().createCall(metadata, host, method, this, callId);
  }

  /** The answer begins. */
  onReceiveMetadata(metadata: Metadata): void {
    this.#answered(this.#options.clock.nowMs());
    this.#listener!.onReceiveMetadata(metadata);
  }

  onReceiveMessage(message: Buffer): void {
    this.#listener!.onReceiveMessage(message);
  }

  onReceiveStatus(status: StatusObject & Parameters<CallListener["onReceiveStatus"]>[0]): void {
    this.#listener!.onReceiveStatus(status);
  }

  #answered(nowMs: number): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#cluster.watch.answered(this.slot);
    if (!this.#isAwaited) return;
    this.#isAwaited = false;
    const { measures } = this.#options.table.counters;
    measures.waitedFor(OWN_ROW, this.slot, this.#beganMs);
    measures.observeLatency(OWN_ROW, this.slot, nowMs - this.#beganMs, nowMs);
  }

  #ended(code: number, metadata: Metadata): void {
    const { table, clock } = this.#options;
    const { slot } = this;
    if (!this.isHeld) return;
    const nowMs = clock.nowMs();
    const elapsedMs = nowMs - this.#beganMs;
    const cluster = this.#cluster;
    if (cluster.reports !== undefined) this.#takeReport(metadata, nowMs);
    table.letGo(this);
    const outcome = this.#outcomeOf(code, elapsedMs);
    if (outcome === AttemptOutcome.success) this.#answered(nowMs);
    const { measures } = table.counters;
    if (this.#isAwaited) measures.waitedFor(OWN_ROW, slot, this.#beganMs);
    const failed = outcome !== AttemptOutcome.success && outcome !== AttemptOutcome.neutral;
    if (failed && cluster.observesLatency) {
      const penaltyMs = Math.max(elapsedMs, FAULT_LATENCIES * cluster.loads.referenceMs);
      measures.observeFault(OWN_ROW, slot, penaltyMs, nowMs);
    }
    cluster.watch.ended(slot, outcome, elapsedMs, nowMs);
  }

  #outcomeOf(code: number, elapsedMs: number): AttemptOutcome {
    if (code === GrpcStatus.unavailable && !this.#connection.isReady)
      return this.#connection.takeLoss() ? AttemptOutcome.lost : AttemptOutcome.neutral;
    const outcome = outcomeOfStatus(code);
    if (outcome !== AttemptOutcome.late) return outcome;
    return !this.#isAnswered && this.#cluster.watch.isLate(elapsedMs)
      ? AttemptOutcome.fault
      : AttemptOutcome.neutral;
  }

  /** Reads what the endpoint says of its load. */
  #takeReport(metadata: Metadata, nowMs: number): void {
    const reader = this.#cluster.reports!;
    const [binary] = metadata.get(REPORT_BINARY);
    const [text] = metadata.get(REPORT_TEXT);
    let result: ReportResult = ReportResult.malformed;
    if (typeof binary === "object") result = reader.readMessage(binary, 0, binary.length);
    else if (typeof text === "string") {
      const octets = Buffer.from(text, "latin1");
      result = reader.readText(octets, 0, octets.length);
    }
    if (result === ReportResult.malformed) return;
    const { counters } = this.#options.table;
    // The call that brings the report is still counted here, and not any more by who made it.
    const own = Math.max(0, counters.inFlightOf(this.slot) - 1);
    counters.measures.report(OWN_ROW, this.slot, reader.report, nowMs, own);
  }
}
