/** Load-balancing policies that come with the product, named as in xDS. */
export const LOAD_BALANCING_POLICIES = [
  "least_request",
  "round_robin",
  "random",
  "client_side_weighted_round_robin",
  "ring_hash",
  "maglev",
] as const;

/** One of {@link LOAD_BALANCING_POLICIES}, or a team's own module: `module:` and the path of its file. */
export type LoadBalancingPolicy = (typeof LOAD_BALANCING_POLICIES)[number] | `module:${string}`;

/**
 * What `least_request` compares: streams in flight, those times the peak EWMA of latency, the load the endpoint reports of itself (ORCA), or
 * brpc's locality-aware weight, QPS / mean latency.
 */
export const LOAD_METRICS = ["in_flight", "peak_ewma", "utilization", "locality_aware"] as const;

/** One of {@link LOAD_METRICS}. */
export type LoadMetric = (typeof LOAD_METRICS)[number];

/**
 * Which endpoints are near: all alike; those of the node's zone, then region; those of the node itself before these; or only those of
 * the node, even where there is none. The names are those of Kubernetes' `trafficDistribution`; the last is its `internalTrafficPolicy: Local`.
 */
export const TRAFFIC_DISTRIBUTIONS = ["none", "PreferSameZone", "PreferSameNode", "OnlySameNode"] as const;

/** One of {@link TRAFFIC_DISTRIBUTIONS}. */
export type TrafficDistribution = (typeof TRAFFIC_DISTRIBUTIONS)[number];

/** How near endpoints are preferred, and when the load goes further. */
export interface LocalitySettings {
  readonly distribution: TrafficDistribution;
  /** Never further than the nearest tier that has endpoints at all, whatever its load and health. */
  readonly strict: boolean;
  /**
   * Load of a tier, as the time to an answer, relative to that of the tiers after it, from which its excess goes further (`high`) and
   * below which it comes home (`low`). 0 < low < high.
   */
  readonly lowLoadRatio: number;
  readonly highLoadRatio: number;
  /** Healthy share of a tier times this is what it may keep, at most 1. Source: Envoy, overprovisioning factor, 1.4. */
  readonly overprovisioningFactor: number;
  /** Healthy share of all endpoints below which health is ignored, 0 to 1; 0 never does. Source: Envoy, panic threshold. */
  readonly panicThreshold: number;
}

/** How a new endpoint's share grows: `max(minShare, (age / windowMs) ^ (1 / aggression))`. Source: Envoy, slow start. */
export interface SlowStartSettings {
  readonly windowMs: number;
  /** Above 1 it grows faster at first, below 1 slower. */
  readonly aggression: number;
  /** 0 to 1. */
  readonly minShare: number;
}

/** What a hash is made of; of several the first that a request has counts. */
export type HashKey =
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "cookie"; readonly name: string }
  | { readonly kind: "method" }
  | { readonly kind: "source" };

/** For `ring_hash` and `maglev`. */
export interface HashSettings {
  readonly keys: readonly HashKey[];
  /** Points of the ring of `ring_hash`: at least and at most. */
  readonly minRingSize: number;
  readonly maxRingSize: number;
  /** Places of the table of `maglev`, a prime. */
  readonly tableSize: number;
  /** Most load of an endpoint in percent of the mean before a request goes to the next one; 0 for no bound. */
  readonly balanceFactor: number;
}

/** Weights made of reported CPU, memory and network: `1/(cpu+0.1) · 1/(mem+0.1) · net/1000`, clamped and smoothed. */
export interface ResourceWeightSettings {
  /** Time constant of the smoothing, in ms. */
  readonly smoothingMs: number;
  /** Weights stay within 1 / clamp and clamp times the mean. */
  readonly clamp: number;
}

/** How the load an endpoint reports of itself is asked for and used. Source: ORCA, gRFC A51, A58. */
export interface LoadReportSettings {
  /** Whether reports in trailers are read (and taken out, unless the client asked for them). */
  readonly perRequest: boolean;
  /** Interval of the reports asked for out of band, in ms; 0 asks for none. */
  readonly outOfBandMs: number;
  /** Time constant by which a report is forgotten, in ms. */
  readonly agingMs: number;
  /** For weights: how long after the first report, and how old at most. */
  readonly blackoutMs: number;
  readonly expiryMs: number;
  /** How often weights are made anew, in ms. */
  readonly weightUpdateMs: number;
  /** How much errors count: eps / qps times this is added to the utilization. */
  readonly errorPenalty: number;
  /**
   * Reported metrics, `utilization.NAME` or `named_metrics.NAME`, the largest of which is the utilization of an endpoint that reports
   * none of its application. Source: gRFC A114.
   */
  readonly utilizationMetrics: readonly string[];
}

/** Which part of a large service one proxy of a fleet uses. */
export interface SubsetSettings {
  /** Off uses every endpoint. */
  readonly enabled: boolean;
  /** Never fewer endpoints than this. */
  readonly minEndpoints: number;
  /** Proxies × subset must be at least this many times the endpoints; else all are used. */
  readonly coverage: number;
}

/** How an endpoint is picked for a stream. */
export interface LoadBalancing {
  readonly policy: LoadBalancingPolicy;
  readonly metric: LoadMetric;
  /** Candidates that `least_request` draws, 2 to 10. */
  readonly choiceCount: number;
  readonly locality: LocalitySettings;
  readonly slowStart: SlowStartSettings | null;
  readonly hash: HashSettings;
  readonly loadReports: LoadReportSettings;
  readonly resourceWeight: ResourceWeightSettings | null;
  readonly subset: SubsetSettings;
}

/** What applies where a cluster's source says nothing. */
export const LOAD_BALANCING_DEFAULTS: LoadBalancing = {
  policy: "least_request",
  metric: "in_flight",
  choiceCount: 2,
  locality: {
    distribution: "PreferSameZone",
    strict: false,
    lowLoadRatio: 1.1,
    highLoadRatio: 1.3,
    overprovisioningFactor: 1.4,
    panicThreshold: 0.5,
  },
  slowStart: null,
  hash: { keys: [], minRingSize: 1024, maxRingSize: 65_536, tableSize: 65_537, balanceFactor: 0 },
  loadReports: {
    perRequest: false,
    outOfBandMs: 0,
    agingMs: 1_000,
    blackoutMs: 10_000,
    expiryMs: 180_000,
    weightUpdateMs: 1_000,
    errorPenalty: 1,
    utilizationMetrics: [],
  },
  resourceWeight: null,
  subset: { enabled: false, minEndpoints: 10, coverage: 2 },
};
