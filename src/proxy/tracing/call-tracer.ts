import type { Random } from "../../base/random.ts";
import type { ConnectionState, Engine } from "../../h2/connection-state.ts";
import { pickId } from "../../lb/record/pick-id.ts";
import { RESPONSE_FLAG_CODES } from "../../telemetry/response-flag.ts";
import type { SubchannelOptions } from "../../upstream/subchannel.ts";
import type { ClusterRuntime } from "../cluster-runtime.ts";
import type { ExchangeTable } from "../exchange-table.ts";
import { ExchangeBit } from "../exchange-table.ts";
import type { CallRecord } from "./call-record.ts";
import { emptyRecord, nextAttempt } from "./call-record.ts";
import type { SpanBatch } from "./span-batch.ts";
import { SpanWriter } from "./span-writer.ts";
import { Sampling, samplingOf, takeSpanId, takeTraceId } from "./trace-context.ts";

/** Attempts of one call that are told. */
const MAX_ATTEMPTS = 16;
const MAX_NAME_OCTETS = 1_024;
/** Longest `traceparent` that is read: that of version 00 has 55. */
const MAX_TRACEPARENT_OCTETS = 256;
/** Records of calls that have ended, kept for others. */
const MOST_FREE = 64;

/** What is traced; sent by the main thread. */
export interface TracingSettings {
  /** undefined: nothing is. */
  readonly ratio: number | undefined;
}

/** How a call has ended, as it is counted. */
interface CallEnd {
  readonly cluster: ClusterRuntime | undefined;
  /** Name of its route, "" for none. */
  readonly route: string;
  readonly status: number;
}

/** A call that is being traced. */
interface Begun {
  readonly record: CallRecord;
  /** The newest recorded pick by the endpoint it chose; undefined: none was recorded. */
  picks: Map<number, string> | undefined;
}

/** Where chance comes from. */
export interface TracerChance {
  /** Decides which calls without a trace begin one. */
  readonly sampling: Random;
  /** Ids are drawn from it: as one trace meets those of all other proxies, its sequence must not be one of few. */
  readonly ids: Random;
}

/**
 * Notes calls for tracing: those whose caller records its trace, and of callers without a trace a share. What callers send (`traceparent` and its like)
 * goes on untouched, so spans of a call stand beside those of its endpoint, below the caller's.
 *
 * Off, it costs one read per request and attempt; on, a call that is not traced costs little more: {@link ExchangeBit.traced} tells them apart.
 */
export class CallTracer {
  isOn = false;
  /** Calls lost because nobody took their records in time. */
  lost = 0;
  readonly #engine: Engine;
  readonly #scratch: number;
  readonly #sampling: Random;
  readonly #worker: number;
  readonly #wallMs: () => number;
  readonly #writer: SpanWriter;
  readonly #begun = new Map<number, Begun>();
  readonly #free: Begun[] = [];
  #ratio = 0;
  /** Calls without a trace until one begins here. */
  #gap = Number.POSITIVE_INFINITY;

  /**
   * @param scratch slab memory for decoded values: 1 KiB.
   * @param worker number of the data-plane thread.
   * @param wallMs milliseconds since 1970.
   */
  constructor(engine: Engine, scratch: number, worker: number, chance: TracerChance, wallMs: () => number) {
    this.#engine = engine;
    this.#scratch = scratch;
    this.#sampling = chance.sampling;
    this.#worker = worker;
    this.#wallMs = wallMs;
    this.#writer = new SpanWriter(chance.ids);
  }

  configure({ ratio }: TracingSettings): void {
    this.isOn = ratio !== undefined;
    this.#ratio = ratio ?? 0;
    this.#gap = this.#nextGap();
    if (this.isOn) return;
    this.#begun.clear();
    this.#free.length = 0;
    this.#writer.rest();
  }

  /**
   * A request's header section was just decoded.
   *
   * @param source the pod that calls, where that is known.
   * @returns whether the call is traced.
   */
  begin(
    slot: number,
    { decoder }: ConnectionState,
    source: { readonly pod: string; readonly namespace: string } | undefined,
  ): boolean {
    const { bytes } = this.#engine.slab;
    const scratch = this.#scratch;
    const length = decoder.traceparentLength;
    const isRead = length >= 0 && length <= MAX_TRACEPARENT_OCTETS;
    const sampling = isRead ? samplingOf(bytes, scratch, decoder.readTraceparent(scratch)) : Sampling.none;
    if (sampling === Sampling.off) return false;
    if (sampling === Sampling.none) {
      if (--this.#gap > 0) return false;
      this.#gap = this.#nextGap();
    }
    const begun = this.#free.pop() ?? { record: emptyRecord(), picks: undefined };
    const { record } = begun;
    record.hasParent = sampling === Sampling.on;
    if (record.hasParent) {
      takeTraceId(record.traceId, bytes, scratch);
      takeSpanId(record.parentSpanId, bytes, scratch);
    } else this.#writer.drawTrace(record.traceId);
    record.path =
      decoder.pathLength > MAX_NAME_OCTETS
        ? ""
        : bytes.toString("latin1", scratch, scratch + decoder.readPath(scratch));
    record.authority =
      !decoder.hasAuthority || decoder.authorityLength > MAX_NAME_OCTETS
        ? ""
        : bytes.toString("latin1", scratch, scratch + decoder.readAuthority(scratch));
    record.startMs = this.#wallMs();
    record.sourcePod = source?.pod ?? "";
    record.sourceNamespace = source?.namespace ?? "";
    record.attemptCount = 0;
    this.#begun.set(slot, begun);
    return true;
  }

  /** Whether the call is being traced. */
  has(slot: number): boolean {
    return this.#begun.has(slot);
  }

  /** A pick for the call was recorded. @param endpoint slot of the one it chose. @param number of the record. */
  picked(slot: number, endpoint: number, number: number): void {
    const begun = this.#begun.get(slot);
    if (begun === undefined) return;
    begun.picks ??= new Map();
    begun.picks.set(endpoint, pickId(this.#worker, number));
  }

  /** An attempt of a call with {@link ExchangeBit.traced} has ended. @param elapsedMs since its stream was picked for. */
  attempt(slot: number, target: SubchannelOptions | undefined, elapsedMs: number, isOk: boolean): void {
    const begun = this.#begun.get(slot);
    if (begun === undefined || begun.record.attemptCount === MAX_ATTEMPTS) return;
    const endMs = this.#wallMs();
    const attempt = nextAttempt(begun.record);
    attempt.startMs = endMs - elapsedMs;
    attempt.endMs = endMs;
    attempt.address = target?.address ?? "";
    attempt.port = target?.port ?? 0;
    attempt.zone = target?.zone ?? "";
    attempt.isOk = isOk;
    attempt.pick = target === undefined ? "" : (begun.picks?.get(target.slot) ?? "");
  }

  /** A call with {@link ExchangeBit.traced} has ended. @param nowMs on the worker's clock. */
  end(exchanges: ExchangeTable, slot: number, { cluster, route, status }: CallEnd, nowMs: number): void {
    const begun = this.#begun.get(slot);
    if (begun === undefined) return;
    this.#begun.delete(slot);
    const { record } = begun;
    record.endMs = record.startMs + (nowMs - exchanges.startMs[slot]!);
    record.cluster = cluster?.snapshot.name ?? "";
    record.policy = cluster?.snapshot.settings.loadBalancing.policy ?? "";
    record.route = route;
    record.grpcStatus = status;
    record.responseFlag = RESPONSE_FLAG_CODES[exchanges.flag[slot]!] ?? "-";
    record.retries = exchanges.moves[slot]!;
    record.requestOctets = exchanges.bodyReceived[slot]!;
    record.responseOctets = exchanges.responseOctets[slot]!;
    if (!this.#writer.write(record)) this.lost++;
    begun.picks = undefined;
    if (this.#free.length < MOST_FREE) this.#free.push(begun);
  }

  /** @returns the spans of what has ended since the last call; undefined when nothing has. */
  take(): readonly SpanBatch[] | undefined {
    return this.#writer.take();
  }

  /** Drawn once for each call that is traced and not for every one that might be: the same chance for each. */
  #nextGap(): number {
    if (this.#ratio <= 0) return Number.POSITIVE_INFINITY;
    if (this.#ratio >= 1) return 1;
    const never = 1 - this.#sampling.nextFloat();
    return 1 + Math.floor(Math.log(never) / Math.log(1 - this.#ratio));
  }
}
