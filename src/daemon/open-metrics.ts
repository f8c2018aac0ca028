import type { Config } from "../config/config.ts";
import type { Log } from "../telemetry/log.ts";
import { bindAddress } from "./bind-address.ts";
import type { NodeCapture } from "./capture/node-capture.ts";
import type { ProxyCounters } from "./proxy-counters.ts";
import type { ProxyMetrics } from "./proxy-metrics.ts";

/**
 * Opens the address that metrics are scraped from.
 *
 * @returns undefined where none is configured. The metrics library is a large part of a small process, and loaded at need.
 * @throws ExitError when the address cannot be bound.
 */
export async function openMetrics(
  { metrics: settings }: Config,
  around: { readonly counters: ProxyCounters; readonly capture: NodeCapture | undefined; readonly log: Log },
): Promise<ProxyMetrics | undefined> {
  if (settings === undefined) return undefined;
  const { ProxyMetrics } = await import("./proxy-metrics.ts");
  const { counters, capture, log } = around;
  const metrics = new ProxyMetrics(counters, log);
  if (capture !== undefined) metrics.capture(() => capture.counts);
  await bindAddress("metrics.address", settings.address, (address) => metrics.listen(address));
  return metrics;
}
