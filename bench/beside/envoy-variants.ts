/** One way to configure Envoy, in the words of its API. */
export interface EnvoyVariant {
  readonly name: string;
  /** Why it is among them. */
  readonly why: string;
  /** Keys of the cluster, beside its name, endpoints and protocol. */
  readonly cluster: object;
  /** Keys of the route's action, beside the cluster and the time limit. */
  readonly route: object;
}

/**
 * Outlier detection as Envoy's and Istio's pages tune it: looked at every second instead of every ten, gateway errors and local ones (timeouts,
 * resets) counted and enforced, failure percentage on, which Envoy ships switched off. Ejections last 30 s, as Isobar's.
 */
const TUNED = {
  consecutive_5xx: 5,
  enforcing_consecutive_5xx: 100,
  consecutive_gateway_failure: 5,
  enforcing_consecutive_gateway_failure: 100,
  split_external_local_origin_errors: true,
  consecutive_local_origin_failure: 5,
  enforcing_consecutive_local_origin_failure: 100,
  enforcing_local_origin_success_rate: 100,
  interval: "1s",
  base_ejection_time: "30s",
  max_ejection_percent: 50,
  success_rate_minimum_hosts: 3,
  success_rate_request_volume: 20,
  success_rate_stdev_factor: 1900,
  enforcing_success_rate: 100,
  failure_percentage_minimum_hosts: 2,
  failure_percentage_request_volume: 20,
  failure_percentage_threshold: 50,
  enforcing_failure_percentage: 100,
  enforcing_failure_percentage_local_origin: 100,
};

/** As sharp as one may dare: three in a row, a third of ten requests within half a second. */
const SHARP = {
  ...TUNED,
  consecutive_5xx: 3,
  consecutive_gateway_failure: 3,
  consecutive_local_origin_failure: 3,
  interval: "0.5s",
  success_rate_request_volume: 10,
  failure_percentage_request_volume: 10,
  failure_percentage_threshold: 34,
};

/** The attempts, limits and waits of Isobar's `retries`; `reset` because Envoy's `unavailable` is only what an endpoint wrote. */
const RETRY = {
  retry_policy: {
    retry_on: "connect-failure,refused-stream,reset,unavailable",
    num_retries: 2,
    per_try_timeout: "0.25s",
    retry_back_off: { base_interval: "0.025s", max_interval: "0.25s" },
    retry_host_predicate: [
      {
        name: "envoy.retry_host_predicates.previous_hosts",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
        },
      },
    ],
    host_selection_retry_max_attempts: 5,
  },
};
const HEDGE = { ...RETRY, hedge_policy: { hedge_on_per_try_timeout: true } };

function leastRequest(choices: number, more: object = {}): object {
  return { lb_policy: "LEAST_REQUEST", least_request_lb_config: { choice_count: choices, ...more } };
}

function roundRobin(more: object = {}): object {
  return { lb_policy: "ROUND_ROBIN", round_robin_lb_config: more };
}

/** Envoy without retries, against sick endpoints. */
export const ENVOY_PLAIN: readonly EnvoyVariant[] = [
  {
    name: "envoy rr",
    why: "what most run",
    cluster: { ...roundRobin(), outlier_detection: TUNED },
    route: {},
  },
  {
    name: "envoy lr",
    why: "least request with its default of two choices",
    cluster: { ...leastRequest(2), outlier_detection: TUNED },
    route: {},
  },
  {
    name: "envoy lr3 sharp",
    why: "three choices, and outlier detection as sharp as one may dare",
    cluster: { ...leastRequest(3), outlier_detection: SHARP },
    route: {},
  },
];

/** The same with retries. */
export const ENVOY_RETRYING: readonly EnvoyVariant[] = [
  ...ENVOY_PLAIN.map(({ name, why, cluster }) => ({
    name: `${name} retry`,
    why: `${why}; retries`,
    cluster,
    route: RETRY,
  })),
  {
    name: "envoy lr hedge",
    why: "a second endpoint when the first takes longer than an attempt may",
    cluster: { ...leastRequest(2), outlier_detection: TUNED },
    route: HEDGE,
  },
];

function slowStart(window: string, aggression: number, least: number): object {
  return {
    slow_start_config: {
      slow_start_window: window,
      aggression: { default_value: aggression, runtime_key: "beside.aggression" },
      min_weight_percent: { value: least },
    },
  };
}

/** Envoy with slow start, from its page's example to as slow as it goes within the minute. */
export const ENVOY_NEW: readonly EnvoyVariant[] = (
  [
    ["envoy rr 30 s", "the window of the warm-up", roundRobin(slowStart("30s", 1, 10))],
    ["envoy rr 60 s", "twice that, from 1 % on", roundRobin(slowStart("60s", 1, 1))],
    ["envoy lr 30 s", "least request", leastRequest(2, slowStart("30s", 1, 10))],
    ["envoy lr 60 s", "twice that, from 1 % on", leastRequest(2, slowStart("60s", 1, 1))],
    [
      "envoy lr 60 s late",
      "most of the growth at the end of the window, requests in flight weighing double",
      leastRequest(2, {
        ...slowStart("60s", 0.5, 1),
        active_request_bias: { default_value: 2, runtime_key: "beside.bias" },
      }),
    ],
  ] as const
).map(([name, why, balancing]) => ({
  name,
  why,
  cluster: { ...balancing, outlier_detection: TUNED },
  route: {},
}));
