import { places } from "./places.ts";
import type { ConfigExtras } from "./write-isobar-config.ts";

/** Lines of the cluster's section that give it two zones' worth of balancing: the far endpoints are there, and load may move to them. */
export const twoZones: ConfigExtras = { farBackends: places.ports.farBackends };

/** Outlier detection as it ships. */
export const outliers: ConfigExtras = { cluster: ["outlierDetection: {}"] };

/** Retries with their budget, and a limit to each attempt. */
export const retries: ConfigExtras = {
  cluster: [
    "retries: { attempts: 3, perTryTimeout: 10s, retryOn: 'connect-failure,refused-stream,reset,unavailable' }",
  ],
};

/** Limits in time and number. */
export const requestLimits: ConfigExtras = {
  cluster: [
    "timeouts: { request: 30s, idle: 60s }",
    "connectionPool: { http: { maxRequests: 100000, maxRequestsPerEndpoint: 10000 } }",
  ],
};

/**
 * What a service runs with that picks right: zones with their spill, slow start, outlier detection, retries with a budget and a limit to each attempt. The limits
 * on speed hold for this as they do for a plain configuration.
 */
export const rightPick: ConfigExtras = {
  farBackends: places.ports.farBackends,
  loadBalancer: "{ policy: least_request, slowStart: { windowMs: 30000 } }",
  cluster: [outliers, retries].flatMap(({ cluster = [] }) => cluster),
};

/** The same with limits in time and number as well. */
export const rightPickLimited: ConfigExtras = {
  ...rightPick,
  cluster: [...(rightPick.cluster ?? []), ...(requestLimits.cluster ?? [])],
};
