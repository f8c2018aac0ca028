import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import { NAMESPACE_LABELS, POD_LABELS } from "../assess/load-source.ts";
import { PrometheusClient } from "../assess/prometheus-client.ts";
import type { ServiceTraffic } from "./one-service.ts";

/** What is read of a Prometheus. */
export interface MeasuredWish {
  readonly prometheus: string;
  /** `namespace/name`. */
  readonly service: string;
  /** How far back, such as 6h. */
  readonly window: string;
  readonly header: readonly string[];
}

/** A histogram of how long a server takes. */
interface Histogram {
  readonly metric: string;
  readonly unitMs: number;
  readonly service: string;
  readonly namespaces: readonly string[];
  readonly matchers: string;
}

const plain = (metric: string, unitMs: number): Histogram => ({
  metric,
  unitMs,
  service: "service",
  namespaces: NAMESPACE_LABELS,
  matchers: "",
});

/** What people have, the most telling first: those of a server itself measure no network. */
const HISTOGRAMS: readonly Histogram[] = [
  plain("grpc_server_handling_seconds", 1_000),
  plain("rpc_server_call_duration_seconds", 1_000),
  plain("rpc_server_duration_milliseconds", 1),
  plain("rpc_server_duration", 1),
  {
    metric: "istio_request_duration_milliseconds",
    unitMs: 1,
    service: "destination_service_name",
    namespaces: ["destination_service_namespace"],
    matchers: ',reporter="destination"',
  },
];

/** The normal distribution's 99th percentile. */
const NORMAL_P99 = 2.326;
/** As scenario files have it. */
const MOST_SIGMA = 5;
/** Enough for a p99, few enough to be simulated a hundred times. */
const REQUESTS = 100_000;
const SHORTEST_MS = 5_000;
const LONGEST_MS = 600_000;

/**
 * The busiest minute's rate of a service in the window, with lognormal times of the mean that its servers measured and the spread of their
 * median and p99.
 *
 * @throws ExitError when Prometheus does not answer, or has no such histogram of the service.
 */
export async function measuredTraffic(wish: MeasuredWish): Promise<ServiceTraffic> {
  const client = new PrometheusClient(wish.prometheus, wish.header);
  const slash = wish.service.indexOf("/");
  const namespace = wish.service.slice(0, slash);
  const name = wish.service.slice(slash + 1);
  for (const histogram of HISTOGRAMS) {
    const { metric, unitMs, matchers } = histogram;
    const labels = new Set(await client.labels(`${metric}_bucket`));
    const inNamespace = histogram.namespaces.find((label) => labels.has(label));
    const pod = POD_LABELS.find((label) => labels.has(label));
    if (inNamespace === undefined || pod === undefined) continue;
    const named = [
      ...(labels.has(histogram.service) ? [`${histogram.service}="${name}"`] : []),
      `${pod}=~"${name.replaceAll(".", "\\\\.")}-[a-z0-9-]+"`,
    ];
    for (const which of named) {
      const chosen = `{${inNamespace}="${namespace}",${which}${matchers}}`;
      const rate = await value(`max_over_time(sum(rate(${metric}_count${chosen}[5m]))[${wish.window}:1m])`);
      if (!(rate > 0)) continue;
      const over = `${chosen}[${wish.window}]`;
      const mean = await value(`sum(rate(${metric}_sum${over})) / sum(rate(${metric}_count${over}))`);
      const quantile = (share: number): Promise<number> =>
        value(`histogram_quantile(${share}, sum by (le) (rate(${metric}_bucket${over})))`);
      const spread = Math.log((await quantile(0.99)) / (await quantile(0.5))) / NORMAL_P99;
      const pods = await value(`count(group by (${pod}) (rate(${metric}_count${chosen}[5m]) > 0))`);
      if (!(mean > 0)) continue;
      const meanMs = mean * unitMs;
      const isSpread = Number.isFinite(spread);
      const sigma = Math.min(MOST_SIGMA, Math.max(0, spread));
      const service = isSpread
        ? ({ kind: "lognormal", meanMs, sigma } as const)
        : ({ kind: "exponential", meanMs } as const);
      return {
        source: `${wish.service}, ${metric} of ${wish.window}`,
        service,
        trace: null,
        requestsPerSecond: rate,
        meanMs,
        workP99Ms: meanMs * (isSpread ? Math.exp(NORMAL_P99 * sigma - sigma ** 2 / 2) : Math.log(100)),
        durationMs: Math.min(LONGEST_MS, Math.max(SHORTEST_MS, (REQUESTS / rate) * 1_000)),
        callers: null,
        endpoints: pods > 0 ? pods : null,
      };
    }
  }
  throw new ExitError(
    ExitCode.unavailable,
    `${wish.prometheus} has no times of ${wish.service} in the last ${wish.window}: wanted one of ${HISTOGRAMS.map(({ metric }) => `${metric}_bucket`).join(", ")} with labels for namespace and Pod`,
  );

  async function value(expression: string): Promise<number> {
    return (await client.query(expression))[0]?.value ?? Number.NaN;
  }
}
