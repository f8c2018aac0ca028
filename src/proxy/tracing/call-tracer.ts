import type { Random } from "../../base/random.ts";
import type { ConnectionState, Engine } from "../../h2/connection-state.ts";
import { pickId } from "../../lb/record/pick-id.ts";
import { RESPONSE_FLAG_CODES } from "../../telemetry/response-flag.ts";
import type { SubchannelOptions } from "../../upstream/subchannel.ts";
import type { ClusterRuntime } from "../cluster-runtime.ts";
import type { ExchangeTable } from "../exchange-table.ts";
import type { AttemptRecord, CallRecord } from "./call-record.ts";
import { Sampling, samplingOf, spanIdAt, traceIdAt } from "./trace-context.ts";

/** Records that wait to be handed on; what is beyond is counted as lost. */
const MAX_RECORDS = 4_096;
/** Attempts of one call that are told. */
const MAX_ATTEMPTS = 16;
const MAX_NAME_OCTETS = 1_024;
/** Longest `traceparent` that is read: that of version 00 has 55. */
const MAX_TRACEPARENT_OCTETS = 256;
/** Digits of the ids of traces and spans: 16 and 8 octets. */
const TRACE_DIGITS = 32;
const SPAN_DIGITS = 16;
/** Digits of an id that are drawn at once: 28 bits. */
const DRAWN_DIGITS = 7;

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
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly startMs: number;
  readonly path: string;
  readonly authority: string;
  readonly sourcePod: string;
  readonly sourceNamespace: string;
  readonly attempts: AttemptRecord[];
  /** The newest recorded pick by the endpoint it chose. */
  readonly picks: Map<number, string>;
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
 * Off, it costs one read per request and attempt.
 */
export class CallTracer {
  isOn = false;
  /** Calls lost because nobody took their records in time. */
  lost = 0;
  readonly #engine: Engine;
  readonly #scratch: number;
  readonly #chance: TracerChance;
  readonly #worker: number;
  readonly #wallMs: () => number;
  readonly #begun = new Map<number, Begun>();
  #ratio = 0;
  #records: CallRecord[] = [];

  /**
   * @param scratch slab memory for decoded values: 1 KiB.
   * @param worker number of the data-plane thread.
   * @param wallMs milliseconds since 1970.
   */
  constructor(engine: Engine, scratch: number, worker: number, chance: TracerChance, wallMs: () => number) {
    this.#engine = engine;
    this.#scratch = scratch;
    this.#worker = worker;
    this.#chance = chance;
    this.#wallMs = wallMs;
  }

  configure({ ratio }: TracingSettings): void {
    this.isOn = ratio !== undefined;
    this.#ratio = ratio ?? 0;
    if (!this.isOn) this.#begun.clear();
  }

  /** A request's header section was just decoded. @param source the pod that calls, where that is known. */
  begin(
    slot: number,
    { decoder }: ConnectionState,
    source: { readonly pod: string; readonly namespace: string } | undefined,
  ): void {
    const { bytes } = this.#engine.slab;
    const scratch = this.#scratch;
    const length = decoder.traceparentLength;
    const isRead = length >= 0 && length <= MAX_TRACEPARENT_OCTETS;
    const sampling = isRead ? samplingOf(bytes, scratch, decoder.readTraceparent(scratch)) : Sampling.none;
    if (sampling === Sampling.off) return;
    if (sampling === Sampling.none && this.#chance.sampling.nextFloat() >= this.#ratio) return;
    const hasParent = sampling === Sampling.on;
    const traceId = hasParent ? traceIdAt(bytes, scratch) : this.#id(TRACE_DIGITS);
    const parentSpanId = hasParent ? spanIdAt(bytes, scratch) : "";
    const path =
      decoder.pathLength > MAX_NAME_OCTETS
        ? ""
        : bytes.toString("latin1", scratch, scratch + decoder.readPath(scratch));
    const authority =
      !decoder.hasAuthority || decoder.authorityLength > MAX_NAME_OCTETS
        ? ""
        : bytes.toString("latin1", scratch, scratch + decoder.readAuthority(scratch));
    this.#begun.set(slot, {
      traceId,
      spanId: this.#id(SPAN_DIGITS),
      parentSpanId,
      startMs: this.#wallMs(),
      path,
      authority,
      sourcePod: source?.pod ?? "",
      sourceNamespace: source?.namespace ?? "",
      attempts: [],
      picks: new Map(),
    });
  }

  /** Whether the call is being traced. */
  has(slot: number): boolean {
    return this.#begun.has(slot);
  }

  /** A pick for the call was recorded. @param endpoint slot of the one it chose. @param number of the record. */
  picked(slot: number, endpoint: number, number: number): void {
    this.#begun.get(slot)?.picks.set(endpoint, pickId(this.#worker, number));
  }

  /** An attempt has ended. @param elapsedMs since its stream was picked for. */
  attempt(slot: number, target: SubchannelOptions | undefined, elapsedMs: number, isOk: boolean): void {
    const begun = this.#begun.get(slot);
    if (begun === undefined || begun.attempts.length === MAX_ATTEMPTS) return;
    const endMs = this.#wallMs();
    begun.attempts.push({
      spanId: this.#id(SPAN_DIGITS),
      startMs: endMs - elapsedMs,
      endMs,
      address: target?.address ?? "",
      port: target?.port ?? 0,
      zone: target?.zone ?? "",
      isOk,
      pick: target === undefined ? "" : (begun.picks.get(target.slot) ?? ""),
    });
  }

  /** The call has ended. @param nowMs on the worker's clock. */
  end(exchanges: ExchangeTable, slot: number, { cluster, route, status }: CallEnd, nowMs: number): void {
    const begun = this.#begun.get(slot);
    if (begun === undefined) return;
    this.#begun.delete(slot);
    if (this.#records.length >= MAX_RECORDS) {
      this.lost++;
      return;
    }
    const { picks: _, ...told } = begun;
    this.#records.push({
      ...told,
      endMs: begun.startMs + (nowMs - exchanges.startMs[slot]!),
      cluster: cluster?.snapshot.name ?? "",
      policy: cluster?.snapshot.settings.loadBalancing.policy ?? "",
      route,
      grpcStatus: status,
      responseFlag: RESPONSE_FLAG_CODES[exchanges.flag[slot]!] ?? "-",
      retries: exchanges.moves[slot]!,
      requestOctets: exchanges.bodyReceived[slot]!,
      responseOctets: exchanges.responseOctets[slot]!,
    });
  }

  /** @returns what has ended since the last call; undefined when nothing has. */
  take(): readonly CallRecord[] | undefined {
    if (this.#records.length === 0) return undefined;
    const records = this.#records;
    this.#records = [];
    return records;
  }

  /** @returns so many hexadecimal digits in lower case, not all 0. */
  #id(digits: number): string {
    for (;;) {
      let id = "";
      while (id.length < digits) {
        const drawn = this.#chance.ids.nextInt(2 ** (4 * DRAWN_DIGITS));
        id += drawn.toString(16).padStart(DRAWN_DIGITS, "0");
      }
      if (/[^0]/.test(id.slice(0, digits))) return id.slice(0, digits);
    }
  }
}
