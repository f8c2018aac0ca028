import type { Config } from "../config/config.ts";
import type { Place } from "../lb/place.ts";
import type { SpanBatch } from "../proxy/tracing/span-batch.ts";
import type { Log } from "../telemetry/log.ts";
import type { TracedCalls } from "../telemetry/metrics-registry.ts";
import { VERSION } from "../telemetry/version.ts";
import type { TraceExporter } from "./trace-exporter.ts";

/** What the last spans may take when the process ends. */
const FLUSH_LIMIT_MS = 2_000;

/** Hands traced calls on to where the configuration sends them; what sends is loaded when there is something. */
export class Tracing {
  readonly #log: Pick<Log, "warn">;
  readonly #place: Place;
  readonly #lost = new Map<number, number>();
  #config: Pick<Config, "tracing"> | undefined;
  #exporter: Promise<TraceExporter> | undefined;
  #sent = 0;
  #dropped = 0;
  /** The present one, and former ones that still send. */
  readonly #exporters = new Set<TraceExporter>();

  /** @param place where this proxy runs, as it is known when there is something to send. */
  constructor(log: Pick<Log, "warn">, place: Place) {
    this.#log = log;
    this.#place = place;
  }

  /** Calls that a collector has taken, and that were dropped, since the start. */
  get counts(): TracedCalls {
    let [sent, dropped] = [this.#sent, this.#dropped];
    for (const exporter of this.#exporters) {
      sent += exporter.sent;
      dropped += exporter.dropped;
    }
    return { sent, dropped };
  }

  /** A configuration is in force. */
  configure(config: Pick<Config, "tracing">): void {
    const isSame = config.tracing?.endpoint === this.#config?.tracing?.endpoint;
    this.#config = config;
    if (isSame) return;
    const former = this.#exporter;
    this.#exporter = undefined;
    void former?.then(async (exporter) => {
      await exporter.close();
      this.#sent += exporter.sent;
      this.#dropped += exporter.dropped;
      this.#exporters.delete(exporter);
    });
  }

  /** A worker's traced calls have ended. @param lost how many it has lost since it began. */
  take(worker: number, batches: readonly SpanBatch[], lost: number): void {
    const tracing = this.#config?.tracing;
    if (tracing === undefined) return;
    const before = this.#lost.get(worker) ?? 0;
    this.#lost.set(worker, lost);
    this.#exporter ??= import("./trace-exporter.ts").then((loaded) => {
      const { node, zone } = this.#place;
      const exporter = new loaded.TraceExporter({
        endpoint: tracing.endpoint,
        node,
        zone,
        version: VERSION,
        log: this.#log,
      });
      this.#exporters.add(exporter);
      return exporter;
    });
    void this.#exporter.then((exporter) => exporter.take(batches, lost >= before ? lost - before : lost));
  }

  /** Sends what waits, as far as that does not take long; before the process ends. */
  async flush(): Promise<void> {
    const exporter = await this.#exporter;
    if (exporter === undefined) return;
    const limit = Promise.withResolvers<void>();
    const timer = setTimeout(limit.resolve, FLUSH_LIMIT_MS);
    await Promise.race([exporter.close(), limit.promise]);
    clearTimeout(timer);
  }
}
