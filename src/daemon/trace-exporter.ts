import type { CallRecord } from "../proxy/tracing/call-record.ts";
import type { Log } from "../telemetry/log.ts";
import { otlpSpans } from "./otlp-spans.ts";

/** Calls that wait to be sent; what is beyond is dropped. */
const MAX_WAITING = 8_192;
/** Calls in one request. */
const MAX_BATCH = 512;
const INTERVAL_MS = 1_000;
const TIMEOUT_MS = 10_000;
const WARNING_INTERVAL_MS = 60_000;

/** Where spans are sent, and who sends them. */
export interface TraceExporterOptions {
  /** Base of the collector, such as `http://127.0.0.1:4318`; spans go to `/v1/traces` below it. */
  readonly endpoint: string;
  readonly node: string;
  readonly zone: string;
  readonly version: string;
  readonly log: Pick<Log, "warn">;
}

/**
 * Sends spans to a collector by OTLP over HTTP, as JSON: batched, one request at a time, never waited for. What the collector does not take is
 * dropped and counted; nothing is sent twice. Source: OpenTelemetry protocol 1.x, §OTLP/HTTP.
 */
export class TraceExporter {
  /** Calls that were taken by the collector, and that were not. */
  sent = 0;
  dropped = 0;
  readonly #options: TraceExporterOptions;
  #waiting: CallRecord[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isSending = false;
  #warnedMs = Number.NEGATIVE_INFINITY;

  constructor(options: TraceExporterOptions) {
    this.#options = options;
  }

  /** Takes finished calls. @param lost how many more there were that nobody could keep. */
  take(records: readonly CallRecord[], lost = 0): void {
    const room = MAX_WAITING - this.#waiting.length;
    this.dropped += lost + Math.max(0, records.length - room);
    this.#waiting.push(...records.slice(0, Math.max(0, room)));
    this.#arm();
  }

  /** Sends what waits, at most once more; what is left then counts as dropped. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#isSending) await this.#send();
    this.dropped += this.#waiting.length;
    this.#waiting.length = 0;
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#waiting.length === 0) return;
    const delayMs = this.#waiting.length >= MAX_BATCH ? 0 : INTERVAL_MS;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (!this.#isSending) void this.#send().then(() => this.#arm());
    }, delayMs);
    this.#timer.unref();
  }

  async #send(): Promise<void> {
    const batch = this.#waiting.splice(0, MAX_BATCH);
    if (batch.length === 0) return;
    this.#isSending = true;
    try {
      const { node, zone, version } = this.#options;
      const failure = await this.#post(JSON.stringify(otlpSpans(batch, { node, zone, version })));
      if (failure === "") this.sent += batch.length;
      else this.#failed(batch.length, failure);
    } finally {
      this.#isSending = false;
    }
  }

  /** @returns why it was not taken; "" when it was. */
  async #post(body: string): Promise<string> {
    try {
      const { request } = await import("undici");
      const answer = await request(`${this.#options.endpoint.replace(/\/$/, "")}/v1/traces`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await answer.body.dump();
      return answer.statusCode < 300 ? "" : `status ${answer.statusCode}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #failed(calls: number, reason: string): void {
    this.dropped += calls;
    const nowMs = performance.now();
    if (nowMs - this.#warnedMs < WARNING_INTERVAL_MS) return;
    this.#warnedMs = nowMs;
    this.#options.log.warn("spans are not taken", { endpoint: this.#options.endpoint, reason });
  }
}
