import type { ClusterSettings } from "../../resource/cluster-settings.ts";
import { CLUSTER_SETTINGS_DEFAULTS } from "../../resource/cluster-settings.ts";
import { HEALTH_CHECK_DEFAULTS } from "../../resource/health-check.ts";
import {
  LOAD_BALANCING_POLICIES,
  LOAD_METRICS,
  TRAFFIC_DISTRIBUTIONS,
} from "../../resource/load-balancing.ts";
import { OUTLIER_DETECTION_DEFAULTS } from "../../resource/outlier-detection.ts";
import { RETRY_DEFAULTS, RETRY_ON } from "../../resource/retry-policy.ts";
import { serviceAccessShape } from "./access-shapes.ts";
import type { Shape } from "./shape.ts";
import { flag, isRecord, listOf, merged, nullable, number, object, oneOf, parseJson, text } from "./shape.ts";

const share = number(0, 1);
const count = number(0, 2 ** 31 - 1);
const ms = count;

const hashKey: Shape = object({ kind: oneOf(["header", "cookie", "method", "source"]) });

/** A control plane cannot have us load a module: that is the file's privilege. */
const loadBalancing = object({
  policy: oneOf(LOAD_BALANCING_POLICIES),
  metric: oneOf(LOAD_METRICS),
  choiceCount: number(2, 10),
  locality: object({
    distribution: oneOf(TRAFFIC_DISTRIBUTIONS),
    strict: flag,
    lowLoadRatio: number(0, 1000),
    highLoadRatio: number(0, 1000),
    overprovisioningFactor: number(1, 1000),
    panicThreshold: share,
  }),
  slowStart: nullable(object({ windowMs: ms, aggression: number(0.01, 100), minShare: share })),
  hash: object({
    keys: listOf(hashKey),
    minRingSize: number(1, 8_388_608),
    maxRingSize: number(1, 8_388_608),
    tableSize: number(3, 5_000_011),
    balanceFactor: number(0, 1_000_000),
  }),
  loadReports: object({
    perRequest: flag,
    outOfBandMs: ms,
    agingMs: ms,
    blackoutMs: ms,
    expiryMs: ms,
    weightUpdateMs: ms,
    errorPenalty: number(0, 1_000_000),
    utilizationMetrics: listOf(text),
  }),
  resourceWeight: nullable(object({ smoothingMs: ms, clamp: number(1, 1000) })),
  subset: object({ enabled: flag, minEndpoints: number(1, 1_000_000), coverage: number(0, 1000) }),
});

const retryBudget = object({ share: number(0, 100), minPerSecond: number(0, 1_000_000) });

/** As in a Route's policy, too. */
export const retryPolicyShape: Shape = object({
  attempts: number(1, 100),
  perTryTimeoutMs: ms,
  retryOn: listOf(oneOf(RETRY_ON)),
  backoffBaseMs: ms,
  backoffMaxMs: ms,
});

/** As in a Route's policy, too. */
export const timeoutsShape: Shape = object({ requestMs: ms, idleMs: ms });

const settingsShape = object({
  loadBalancing,
  outlierDetection: nullable(
    object({
      consecutiveFailures: count,
      intervalMs: number(1, 2 ** 31 - 1),
      baseEjectionMs: ms,
      maxEjectionMs: ms,
      maxEjectionShare: share,
      successRateStdevFactor: number(0, 1000),
      successRateMinHosts: count,
      successRateMinRequests: count,
      failureShare: share,
      failureMinHosts: count,
      failureMinRequests: count,
    }),
  ),
  healthCheck: nullable(
    object({
      probe: object({ kind: oneOf(["grpc", "http", "tcp"]) }),
      intervalMs: number(10, 2 ** 31 - 1),
      timeoutMs: number(1, 2 ** 31 - 1),
      unhealthyThreshold: number(1, 1000),
      healthyThreshold: number(1, 1000),
    }),
  ),
  retries: nullable(retryPolicyShape),
  hedging: nullable(object({ methods: listOf(text), attempts: number(1, 100), delayMs: ms })),
  retryBudget,
  timeouts: timeoutsShape,
  circuit: object({ maxRequestsPerEndpoint: count, maxRequests: count, maxRequestsPerConnection: count }),
  access: nullable(serviceAccessShape),
});

/** What a section that is switched on has where the control plane says nothing. */
const SECTION_DEFAULTS: Readonly<Record<string, unknown>> = {
  outlierDetection: OUTLIER_DETECTION_DEFAULTS,
  healthCheck: HEALTH_CHECK_DEFAULTS,
  retries: { perTryTimeoutMs: 0, ...RETRY_DEFAULTS },
};

/**
 * Reads the settings that a control plane of ours sends beside the standard fields. What an older one does not know has its default,
 * and what a newer one adds is passed over; a value that is not understood is refused.
 *
 * @param value JSON in a text, or a mapping.
 */
export function decodeOwnSettings(value: unknown, path: string): ClusterSettings {
  const sent = typeof value === "string" ? parseJson(value, path) : value;
  const settings = merged(CLUSTER_SETTINGS_DEFAULTS, sent);
  if (isRecord(settings)) {
    for (const [section, defaults] of Object.entries(SECTION_DEFAULTS)) {
      if (isRecord(settings[section])) settings[section] = merged(defaults, settings[section]);
    }
  }
  settingsShape(settings, path);
  return settings as ClusterSettings;
}
