import type { Timeouts } from "./cluster-settings.ts";
import type { HashKey } from "./load-balancing.ts";
import type { RetryPolicy } from "./retry-policy.ts";

/** What a header of the request is held against. Several fields of one name count as one, joined by commas (RFC 9110 §5.3). */
export interface HeaderMatch {
  /** In lower case. */
  readonly name: string;
  /** `exact` and `prefix` compare octet by octet, `value` is "" for the other two. */
  readonly kind: "exact" | "prefix" | "present" | "absent";
  readonly value: string;
}

/** Which requests are meant: those for which all of it holds. */
export interface RouteMatch {
  /** `:path` as it stands, `/package.Service/*` for every method of a service, "" for every path. */
  readonly path: string;
  readonly headers: readonly HeaderMatch[];
}

/** One side of a split. */
export interface WeightedCluster {
  readonly name: string;
  /** Share of the requests relative to the sum of all sides' weights, 0 or more. */
  readonly weight: number;
}

/** Only endpoints with all these labels take the requests. */
export interface LabelRestriction {
  /** Labels with the values they must have. */
  readonly labels: Readonly<Record<string, string>>;
  /** Labels whose value is that of a request header (lower case). */
  readonly fromHeaders: Readonly<Record<string, string>>;
  /** What becomes of a request when no endpoint has them: any endpoint takes it, or it fails. */
  readonly fallback: "any" | "fail";
}

/** Changes of a header section: first `remove` and the names in `set`, then `set` and `add` are appended. Names in lower case. */
export interface HeaderChanges {
  readonly set: Readonly<Record<string, string>>;
  readonly add: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

/** Sends copies of requests to a second cluster, whose answers nobody sees. */
export interface MirrorPolicy {
  readonly cluster: string;
  /** 0 to 100. */
  readonly percent: number;
  /** Copies in flight at most, in the whole process. */
  readonly maxRequests: number;
  /** Copies begun per second at most, in the whole process. */
  readonly maxPerSecond: number;
  /** A copy whose request body grows beyond this is given up. */
  readonly maxBodyOctets: number;
  /** How long a copy may take beyond its original. */
  readonly timeoutMs: number;
}

/** Limits of copies where only their cluster and share are said. */
export const MIRROR_DEFAULTS = {
  maxRequests: 100,
  maxPerSecond: 100,
  maxBodyOctets: 65_536,
  timeoutMs: 30_000,
} as const satisfies Partial<MirrorPolicy>;

/** What callers are told apart by. */
export type CallerKey = Exclude<HashKey, { readonly kind: "method" }>;

/** What a route changes of its cluster's settings; what is undefined stays the cluster's own. */
export interface RequestPolicy {
  readonly timeouts: Timeouts | undefined;
  /** null: no retries. */
  readonly retries: RetryPolicy | null | undefined;
}

/** What is done with some of the requests for some authorities; of several that match the first counts. */
export interface Route {
  /** Unique; in metrics and the access log. */
  readonly name: string;
  /** In lower case: an authority as clients write it, `*.suffix`, or `*`. */
  readonly authorities: readonly string[];
  /** One of these; none: all requests. */
  readonly matches: readonly RouteMatch[];
  /** Where they go; none: to the cluster that their authority names. */
  readonly clusters: readonly WeightedCluster[];
  /** What keeps a caller on its side of the split; null: each request is drawn for itself. */
  readonly sticky: CallerKey | null;
  readonly endpoints: LabelRestriction | null;
  /** null: as the cluster says. */
  readonly policy: RequestPolicy | null;
  readonly requestHeaders: HeaderChanges | null;
  readonly responseHeaders: HeaderChanges | null;
  readonly mirror: MirrorPolicy | null;
  /** What requests are kept together by, at clusters whose policy hashes; of several the first that a request has. Default: as the cluster says. */
  readonly hash?: readonly HashKey[];
}

/** All routes in their order, and what they are called together: equal versions are equal routes. */
export interface RouteConfiguration {
  readonly version: string;
  readonly routes: readonly Route[];
}

/** Routes of the same authorities, which no other group's are for; they change as one. All groups are looked at after the configuration's routes. */
export interface RouteGroup {
  /** No two groups in force have the same. */
  readonly key: string;
  /** In their order; all with the same authorities, none of which is a pattern. */
  readonly routes: readonly Route[];
}

/** What of the groups differs from before. */
export interface RouteChanges {
  /** New, or others than they were. */
  readonly changed: readonly RouteGroup[];
  /** Keys of those that are no more. */
  readonly gone: readonly string[];
}
