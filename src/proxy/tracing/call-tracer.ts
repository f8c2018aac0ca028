import type { Random } from "../../base/random.ts";
import type { ConnectionState, Engine } from "../../h2/connection-state.ts";
import { HeaderNames } from "../../route/header-names.ts";
import { HeaderView } from "../../route/header-view.ts";
import { RESPONSE_FLAG_CODES } from "../../telemetry/response-flag.ts";
import type { SubchannelOptions } from "../../upstream/subchannel.ts";
import type { ClusterRuntime } from "../cluster-runtime.ts";
import type { ExchangeTable } from "../exchange-table.ts";
import type { AttemptRecord, CallRecord } from "./call-record.ts";
import { parseTraceparent } from "./trace-context.ts";

/** Records that wait to be handed on; what is beyond is counted as lost. */
const MAX_RECORDS = 4_096;
/** Attempts of one call that are told. */
const MAX_ATTEMPTS = 16;
const MAX_NAME_OCTETS = 1_024;
/** Longest `traceparent` that is read: that of version 00 has 55. */
const MAX_TRACEPARENT_OCTETS = 256;
const HEX_DIGIT_VALUES = 16;
/** Room for the largest header section that is let in, twice: values are decoded there. */
const HEADER_OCTETS = 65_536;

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
}

/** There while tracing is on. */
interface HeaderReader {
  readonly view: HeaderView;
  readonly traceparent: number;
  /** Slab memory of {@link HEADER_OCTETS}. */
  readonly room: number;
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
  readonly #random: Random;
  readonly #wallMs: () => number;
  readonly #begun = new Map<number, Begun>();
  #reader: HeaderReader | undefined;
  #ratio = 0;
  #records: CallRecord[] = [];

  /** @param scratch slab memory for decoded names: 1 KiB. @param wallMs milliseconds since 1970. */
  constructor(engine: Engine, scratch: number, random: Random, wallMs: () => number) {
    this.#engine = engine;
    this.#scratch = scratch;
    this.#random = random;
    this.#wallMs = wallMs;
  }

  configure({ ratio }: TracingSettings): void {
    this.isOn = ratio !== undefined;
    this.#ratio = ratio ?? 0;
    if (this.isOn) return;
    this.#begun.clear();
    if (this.#reader !== undefined) this.#engine.slab.free(this.#reader.room);
    this.#reader = undefined;
  }

  /**
   * A request's header section was just decoded.
   *
   * @param offset of its field block. @param source the pod that calls, where that is known.
   */
  begin(
    slot: number,
    { decoder }: ConnectionState,
    offset: number,
    octets: number,
    source: { readonly pod: string; readonly namespace: string } | undefined,
  ): void {
    const text = this.#traceparent(offset, octets);
    const parent = text === "" ? undefined : parseTraceparent(text);
    const isTraced = parent === undefined ? this.#random.nextFloat() < this.#ratio : parent.isSampled;
    if (!isTraced) return;
    const { bytes } = this.#engine.slab;
    const scratch = this.#scratch;
    const path =
      decoder.pathLength > MAX_NAME_OCTETS
        ? ""
        : bytes.toString("latin1", scratch, scratch + decoder.readPath(scratch));
    const authority =
      !decoder.hasAuthority || decoder.authorityLength > MAX_NAME_OCTETS
        ? ""
        : bytes.toString("latin1", scratch, scratch + decoder.readAuthority(scratch));
    this.#begun.set(slot, {
      traceId: parent?.traceId ?? this.#id(32),
      spanId: this.#id(16),
      parentSpanId: parent?.spanId ?? "",
      startMs: this.#wallMs(),
      path,
      authority,
      sourcePod: source?.pod ?? "",
      sourceNamespace: source?.namespace ?? "",
      attempts: [],
    });
  }

  /** An attempt has ended. @param elapsedMs since its stream was picked for. */
  attempt(slot: number, target: SubchannelOptions | undefined, elapsedMs: number, isOk: boolean): void {
    const attempts = this.#begun.get(slot)?.attempts;
    if (attempts === undefined || attempts.length === MAX_ATTEMPTS) return;
    const endMs = this.#wallMs();
    attempts.push({
      spanId: this.#id(16),
      startMs: endMs - elapsedMs,
      endMs,
      address: target?.address ?? "",
      port: target?.port ?? 0,
      zone: target?.zone ?? "",
      isOk,
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
    this.#records.push({
      ...begun,
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

  /** @returns the request's `traceparent`; "" where it has none, or no one that can be read. */
  #traceparent(offset: number, octets: number): string {
    const { slab, pool } = this.#engine;
    if (this.#reader === undefined) {
      const names = new HeaderNames(slab.bytes, pool);
      const traceparent = names.add("traceparent");
      const room = slab.alloc(HEADER_OCTETS);
      if (room === 0) return "";
      this.#reader = { view: new HeaderView(slab.bytes, pool, names, room), traceparent, room };
    }
    const { view, traceparent } = this.#reader;
    view.begin(offset, octets);
    if (!view.has(traceparent)) return "";
    const length = view.decode(traceparent);
    if (length <= 0 || length > MAX_TRACEPARENT_OCTETS) return "";
    const at = view.valueAt[traceparent]!;
    return slab.bytes.toString("latin1", at, at + length);
  }

  #id(digits: number): string {
    let id = "";
    for (let i = 0; i < digits; i++) id += this.#random.nextInt(HEX_DIGIT_VALUES).toString(HEX_DIGIT_VALUES);
    return /^0+$/.test(id) ? this.#id(digits) : id;
  }
}
