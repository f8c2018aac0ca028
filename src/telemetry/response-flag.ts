/**
 * Why a request ended as it did, when it was not simply the endpoint's answer: the cell of the request counters. The
 * letters, in {@link RESPONSE_FLAG_CODES}, are Envoy's, because dashboards and people know them.
 */
export const ResponseFlag = {
  /** The endpoint answered, with whatever status. */
  none: 0,
  upstreamConnectionFailure: 1,
  noHealthyUpstream: 2,
  upstreamOverflow: 3,
  noRoute: 4,
  upstreamReset: 5,
  upstreamConnectionTermination: 6,
  downstreamReset: 7,
  downstreamProtocolError: 8,
  deadlineExceeded: 9,
  upstreamProtocolError: 10,
  retryLimitExceeded: 11,
  localReset: 12,
  streamIdleTimeout: 13,
  overloadManager: 14,
  noCluster: 15,
  upstreamRequestTimeout: 16,
} as const;
export type ResponseFlag = (typeof ResponseFlag)[keyof typeof ResponseFlag];

/** Number of flags. */
export const RESPONSE_FLAG_COUNT = 17;

/** Label value and access-log text by flag. Source: Envoy's %RESPONSE_FLAGS%. */
export const RESPONSE_FLAG_CODES = [
  "-",
  "UF",
  "UH",
  "UO",
  "NR",
  "UR",
  "UC",
  "DC",
  "DPE",
  "DT",
  "UPE",
  "URX",
  "LR",
  "SI",
  "OM",
  "NC",
  "UT",
] as const;
