import type { SpanBatch } from "../proxy/tracing/span-batch.ts";
import { releaseBatch } from "../proxy/tracing/span-batch.ts";
import type { Log } from "../telemetry/log.ts";
import { otlpRequest } from "./otlp-request.ts";

/** Calls that wait to be sent; what is beyond is dropped. */
const MAX_WAITING = 8_192;
/** Calls in one request, where they come in smaller batches. */
const MAX_CALLS = 512;
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
 * Sends spans to a collector by OTLP over HTTP, as protobuf: batched, one request at a time, never waited for. What the collector does not take is
 * dropped and counted; nothing is sent twice. Source: OpenTelemetry protocol 1.x, §OTLP/HTTP.
 */
export class TraceExporter {
  /** Calls that were taken by the collector, and that were not. */
  sent = 0;
  dropped = 0;
  readonly #options: TraceExporterOptions;
  #waiting: SpanBatch[] = [];
  #waitingCalls = 0;
  #timer: NodeJS.Timeout | undefined;
  #isSending = false;
  #warnedMs = Number.NEGATIVE_INFINITY;

  constructor(options: TraceExporterOptions) {
    this.#options = options;
  }

  /** Takes the spans of finished calls. @param lost how many more calls there were that nobody could keep. */
  take(batches: readonly SpanBatch[], lost = 0): void {
    this.dropped += lost;
    for (const batch of batches) {
      if (this.#waitingCalls + batch.calls > MAX_WAITING) {
        this.dropped += batch.calls;
        releaseBatch(batch);
        continue;
      }
      this.#waiting.push(batch);
      this.#waitingCalls += batch.calls;
    }
    this.#arm();
  }

  /** Sends what waits, at most once more; what is left then counts as dropped. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#isSending) await this.#send();
    this.dropped += this.#waitingCalls;
    for (const batch of this.#waiting.splice(0)) releaseBatch(batch);
    this.#waitingCalls = 0;
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#waitingCalls === 0) return;
    const delayMs = this.#waitingCalls >= MAX_CALLS ? 0 : INTERVAL_MS;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (!this.#isSending) void this.#send().then(() => this.#arm());
    }, delayMs);
    this.#timer.unref();
  }

  async #send(): Promise<void> {
    const batches = this.#nextBatches();
    const calls = batches.reduce((sum, each) => sum + each.calls, 0);
    if (calls === 0) return;
    this.#isSending = true;
    try {
      const { node, zone, version } = this.#options;
      const failure = await this.#post(otlpRequest(batches, { node, zone, version }));
      if (failure === "") this.sent += calls;
      else this.#failed(calls, failure);
    } finally {
      for (const batch of batches) releaseBatch(batch);
      this.#isSending = false;
    }
  }

  /** The first one, and those after it that one request has room for. */
  #nextBatches(): SpanBatch[] {
    let calls = 0;
    let count = 0;
    for (const batch of this.#waiting) {
      if (count > 0 && calls + batch.calls > MAX_CALLS) break;
      calls += batch.calls;
      count++;
    }
    this.#waitingCalls -= calls;
    return this.#waiting.splice(0, count);
  }

  /** @returns why it was not taken; "" when it was. */
  async #post(body: Buffer): Promise<string> {
    try {
      const { request } = await import("undici");
      const answer = await request(`${this.#options.endpoint.replace(/\/$/, "")}/v1/traces`, {
        method: "POST",
        headers: { "content-type": "application/x-protobuf" },
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
