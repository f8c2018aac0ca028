import { decodeBase64 } from "./decode-base64.ts";
import type { LoadReport } from "./load-report.ts";
import { emptyLoadReport, MAX_RATE, MAX_UTILIZATION, NOT_REPORTED } from "./load-report.ts";
import { ProtobufCursor, WireType } from "./protobuf-cursor.ts";

/** What became of a report. */
export const ReportResult = {
  /** All that it says of interest is believed. */
  used: 0,
  /** Some values are negative, not numbers, or absurd: they count as not reported, the others are used. */
  partial: 1,
  /** It cannot be read, or is too long; nothing of it is used. */
  malformed: 2,
} as const;
/** One of {@link ReportResult}. */
export type ReportResult = (typeof ReportResult)[keyof typeof ReportResult];

/** Longest report that is looked at, in octets as sent: more would be a burden to put on every answer. */
export const LONGEST_REPORT_OCTETS = 4096;

/** Field numbers of xds.data.orca.v3.OrcaLoadReport. */
const Field = {
  cpu: 1,
  memory: 2,
  qps: 6,
  eps: 7,
  application: 9,
} as const;
/** Those of its maps from names to numbers. */
const MapField = { utilization: 5, namedMetrics: 8 } as const;
/** A value that did not come; -1 may come. */
const ABSENT = Number.NEGATIVE_INFINITY;

const NETWORK = "named_metrics.network";
const PREFIXES: readonly (readonly [prefix: string, field: number])[] = [
  ["utilization.", MapField.utilization],
  ["named_metrics.", MapField.namedMetrics],
];

interface WantedMetric {
  readonly name: string;
  readonly field: number;
  readonly key: Uint8Array;
}

/**
 * Reads load reports in each form there is, without an object per report. What it read last is in {@link report}. Whatever comes in,
 * it does not throw.
 *
 * Source: xds.data.orca.v3.OrcaLoadReport; the forms of the header as Envoy reads them (source/common/orca).
 */
export class LoadReportReader {
  /** The last report that was not malformed. */
  readonly report: LoadReport = emptyLoadReport();
  readonly #wanted: readonly WantedMetric[];
  /** By place in {@link #wanted}: utilization metrics, then the network's. */
  readonly #named: Float64Array;
  readonly #cursor = new ProtobufCursor();
  #cpu = ABSENT;
  #memory = ABSENT;
  #qps = ABSENT;
  #eps = ABSENT;
  #application = ABSENT;
  #refused = false;

  /** @param utilizationMetrics names such as `utilization.gpu` and `named_metrics.queue`. @throws Error for other names. */
  constructor(utilizationMetrics: readonly string[] = []) {
    this.#wanted = [...utilizationMetrics, NETWORK].map(wantedMetric);
    this.#named = new Float64Array(this.#wanted.length);
  }

  /** Reads a protobuf message. */
  readMessage(bytes: Uint8Array, offset: number, length: number): ReportResult {
    if (length > LONGEST_REPORT_OCTETS) return ReportResult.malformed;
    this.#begin();
    const cursor = this.#cursor;
    cursor.begin(bytes, offset, length);
    while (cursor.next()) {
      const { field, wireType } = cursor;
      if (wireType === WireType.fixed64) this.#number(field, cursor.double());
      else if (
        wireType === WireType.length &&
        (field === MapField.utilization || field === MapField.namedMetrics)
      )
        this.#entry(field);
    }
    return cursor.failed ? ReportResult.malformed : this.#end();
  }

  /**
   * Reads the value of `endpoint-load-metrics-bin`: a message as base64.
   *
   * @param bytes is used as scratch memory too: what stands at `offset` is overwritten.
   */
  readBinary(bytes: Uint8Array, offset: number, length: number): ReportResult {
    if (length > LONGEST_REPORT_OCTETS) return ReportResult.malformed;
    const octets = decodeBase64(bytes, offset, length, offset);
    return octets < 0 ? ReportResult.malformed : this.readMessage(bytes, offset, octets);
  }

  /**
   * Reads the value of `endpoint-load-metrics`: `TEXT name=value, …`, `JSON {…}` or `BIN` and base64. Without such a word it is TEXT.
   *
   * @param bytes as for {@link readBinary}.
   */
  readText(bytes: Buffer, offset: number, length: number): ReportResult {
    if (length > LONGEST_REPORT_OCTETS) return ReportResult.malformed;
    const text = bytes.toString("latin1", offset, offset + length);
    if (text.startsWith("BIN ")) return this.readBinary(bytes, offset + 4, length - 4);
    this.#begin();
    const isRead = text.startsWith("JSON ")
      ? this.#json(text.slice(5))
      : this.#pairs(text.startsWith("TEXT ") ? text.slice(5) : text);
    return isRead ? this.#end() : ReportResult.malformed;
  }

  /** The native form: names with values behind `=` or `:`, and commas between them. */
  #pairs(text: string): boolean {
    const seen = new Set<string>();
    for (const pair of text.split(",")) {
      const [, name = "", value = ""] = /^\s*([^=:\s]+)\s*[=:]\s*(\S+)\s*$/.exec(pair) ?? [];
      if (name === "" || seen.has(name)) return false;
      seen.add(name);
      this.#take(name, decimalOf(value));
    }
    return true;
  }

  #json(text: string): boolean {
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      return false;
    }
    if (!isRecord(parsed)) return false;
    for (const [key, value] of Object.entries(parsed)) {
      const name = key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      if (!isRecord(value)) this.#take(name, decimalOf(value));
      else
        for (const [entry, number] of Object.entries(value))
          this.#take(`${name}.${entry}`, decimalOf(number));
    }
    return true;
  }

  /** Takes a value by the name it has in the textual forms. */
  #take(name: string, value: number): void {
    const field = FIELD_OF_NAME[name];
    if (field !== undefined) {
      this.#number(field, value);
      return;
    }
    for (let i = 0; i < this.#wanted.length; i++) if (this.#wanted[i]!.name === name) this.#named[i] = value;
  }

  #number(field: number, value: number): void {
    switch (field) {
      case Field.cpu:
        this.#cpu = value;
        break;
      case Field.memory:
        this.#memory = value;
        break;
      case Field.qps:
        this.#qps = value;
        break;
      case Field.eps:
        this.#eps = value;
        break;
      case Field.application:
        this.#application = value;
        break;
      default:
        break;
    }
  }

  #entry(field: number): void {
    const cursor = this.#cursor;
    if (!cursor.entry()) return;
    for (let i = 0; i < this.#wanted.length; i++) {
      const wanted = this.#wanted[i]!;
      // Of one key the last entry counts, as in every protobuf map.
      if (wanted.field === field && cursor.keyEquals(wanted.key)) this.#named[i] = cursor.value;
    }
  }

  #begin(): void {
    this.#cpu = ABSENT;
    this.#memory = ABSENT;
    this.#qps = ABSENT;
    this.#eps = ABSENT;
    this.#application = ABSENT;
    this.#named.fill(ABSENT);
    this.#refused = false;
  }

  #end(): ReportResult {
    const { report } = this;
    const last = this.#named.length - 1;
    let named = NOT_REPORTED;
    for (let i = 0; i < last; i++) named = Math.max(named, this.#believed(this.#named[i]!, MAX_UTILIZATION));
    const application = this.#believed(this.#application, MAX_UTILIZATION);
    report.cpu = this.#believed(this.#cpu, MAX_UTILIZATION);
    report.memory = this.#believed(this.#memory, 1);
    report.qps = this.#believed(this.#qps, MAX_RATE);
    report.eps = this.#believed(this.#eps, MAX_RATE);
    report.network = this.#believed(this.#named[last]!, MAX_RATE);
    report.utilization = application > 0 ? application : named >= 0 ? named : report.cpu;
    return this.#refused ? ReportResult.partial : ReportResult.used;
  }

  #believed(value: number, most: number): number {
    if (value >= 0 && value <= most) return value;
    if (value !== ABSENT) this.#refused = true;
    return NOT_REPORTED;
  }
}

const FIELD_OF_NAME: Readonly<Record<string, number | undefined>> = {
  cpu_utilization: Field.cpu,
  mem_utilization: Field.memory,
  rps_fractional: Field.qps,
  eps: Field.eps,
  application_utilization: Field.application,
};

function wantedMetric(name: string): WantedMetric {
  for (const [prefix, field] of PREFIXES) {
    if (name.length > prefix.length && name.startsWith(prefix))
      return { name, field, key: Buffer.from(name.slice(prefix.length), "utf8") };
  }
  throw new Error(`load report metric "${name}": is neither utilization.NAME nor named_metrics.NAME`);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @returns the number that a value of the textual forms is, NaN for none. */
function decimalOf(value: unknown): number {
  if (typeof value === "number") return value;
  return typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
}
