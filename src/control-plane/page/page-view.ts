/**
 * What the page's JSON interface answers, by path. All answers are bounded, and made when they are asked for. Numbers of traffic are of the
 * last seconds, over all callers that report their load; null stands where nobody has said anything. Times are ISO 8601 in UTC.
 */

/** How evenly requests are spread over a service's healthy endpoints, each by its weight. */
export interface SkewView {
  /** 1 is even; the number of endpoints is all at one of them. */
  readonly maxOverMean: number;
  /** Standard deviation over mean; 0 is even. */
  readonly variation: number;
  /** What was compared: `requests` begun per second, where callers say so of single endpoints, else streams `in_flight`. */
  readonly of: "requests" | "in_flight";
}

/** `GET /api/overview`: the control plane and what it serves. */
export interface OverviewView {
  readonly at: string;
  readonly version: string;
  readonly startedAt: string;
  /** Why it is not ready; "" when it is. */
  readonly notReady: string;
  readonly services: number;
  readonly endpoints: number;
  readonly clients: number;
  /** Proxies that have a place in the fleet. */
  readonly fleet: number;
  /** Clients whose reports of load count, other replicas as one each. */
  readonly reporters: number;
  /** Other replicas whose clients' reports are known. */
  readonly replicas: number;
  /** Resources that clients have refused and not got in another version. */
  readonly refused: number;
  readonly requestsPerSecond: number;
  readonly inFlight: number;
  /** Share of the requests that went from one zone to another, 0 to 1, of those whose both zones are known. */
  readonly crossZoneShare: number | null;
  /** Whether there is a timeline. */
  readonly audit: boolean;
  /** Zones of endpoints and clients, for asking what a caller there would get. */
  readonly zones: readonly PlaceView[];
}

export interface PlaceView {
  readonly region: string;
  readonly zone: string;
}

/** A service in a line. */
export interface ServiceLine {
  readonly name: string;
  readonly policy: string;
  readonly endpoints: number;
  /** Of them, those that discovery calls healthy. */
  readonly healthy: number;
  /** Healthy endpoints that some caller has set aside. */
  readonly setAside: number;
  readonly callers: number;
  readonly requestsPerSecond: number;
  /** Errors over requests, 0 to 1. */
  readonly errorShare: number | null;
  readonly inFlight: number;
  readonly skew: SkewView | null;
  readonly crossZoneShare: number | null;
  /** Of attempts that have ended, at all endpoints. */
  readonly p99Ms: number | null;
}

/** What services can be sorted by. */
export const SERVICE_ORDERS = [
  "skew",
  "requests",
  "errors",
  "in_flight",
  "p99",
  "cross_zone",
  "endpoints",
  "name",
] as const;

export type ServiceOrder = (typeof SERVICE_ORDERS)[number];

/** `GET /api/services?sort=ORDER&reverse=1&search=TEXT&namespace=NAME&offset=N&limit=N` (default skew, 100; at most 500). */
export interface ServicesView {
  readonly at: string;
  /** Services there are, and those of them that match. */
  readonly total: number;
  readonly matched: number;
  readonly offset: number;
  readonly services: readonly ServiceLine[];
}

/** An endpoint of a service. */
export interface EndpointLine {
  readonly endpoint: string;
  readonly region: string;
  readonly zone: string;
  readonly node: string;
  readonly priority: number;
  readonly weight: number;
  /** What discovery says: `healthy`, `unhealthy` or `draining`. */
  readonly health: string;
  /** Callers that send it nothing new, by why: `connect`, `outlier`, `health_check`. */
  readonly setAside: readonly { readonly reason: string; readonly callers: number }[];
  /** In one word for people: `serving`, `idle`, `unhealthy`, `draining`, `set aside`. With the reason in {@link why}. */
  readonly state: string;
  readonly why: string;
  readonly requestsPerSecond: number | null;
  readonly errorsPerSecond: number | null;
  readonly inFlight: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Its requests over those it would have if all were even, by weight; null where there are none. */
  readonly ofFair: number | null;
}

/** `GET /api/service?name=NAME`; 404 where there is none. The name or one of its authorities. */
export interface ServiceView {
  readonly at: string;
  readonly line: ServiceLine;
  readonly authorities: readonly string[];
  readonly metric: string;
  readonly distribution: string;
  readonly protocol: string;
  /** How its requests are routed; empty: all go to its endpoints. */
  readonly routes: readonly string[];
  /** What made it as it is, such as `Service shop/echo`; "" when not known. */
  readonly cause: string;
  /** The first 2,000, those with most requests first. */
  readonly rows: readonly EndpointLine[];
  readonly omitted: number;
  readonly flows: readonly FlowView[];
}

/** Requests of callers in one zone to endpoints in another, or the same. "" for a zone that is not known. */
export interface FlowView {
  readonly from: string;
  readonly to: string;
  readonly requestsPerSecond: number;
}

/** `GET /api/zones?service=NAME` (default: all services together). At most 64 zones by name. */
export interface ZonesView {
  readonly at: string;
  readonly zones: readonly { readonly zone: string; readonly endpoints: number; readonly clients: number }[];
  readonly flows: readonly FlowView[];
}

/** A client of the control plane. */
export interface NodeLine {
  readonly node: string;
  /** `isobar`, `envoy` or `grpc`. */
  readonly kind: string;
  readonly agent: string;
  readonly version: string;
  readonly region: string;
  readonly zone: string;
  readonly since: string;
  /** Resources it has, has refused, and responses it has not answered. */
  readonly held: number;
  readonly refused: number;
  readonly unanswered: number;
  /** Why it refused the last thing that it refused and still refuses; "" otherwise. */
  readonly refusal: string;
  /** Its place in the fleet, as index of count; null for what is no proxy. */
  readonly place: { readonly index: number; readonly count: number } | null;
  readonly requestsPerSecond: number | null;
  readonly inFlight: number | null;
}

/** `GET /api/nodes?search=TEXT&offset=N&limit=N` (100; at most 500): clients that are connected to this replica. */
export interface NodesView {
  readonly at: string;
  readonly total: number;
  readonly matched: number;
  readonly offset: number;
  /** By kind and version, the most frequent first. */
  readonly versions: readonly {
    readonly kind: string;
    readonly version: string;
    readonly count: number;
  }[];
  readonly nodes: readonly NodeLine[];
}

/** An endpoint as a simulated caller has it. */
export interface ExplainedLine {
  readonly endpoint: string;
  readonly zone: string;
  /** The tier it is a candidate of; "" for none. */
  readonly tier: string;
  /** Why it is none; "" for a candidate. */
  readonly leftOut: string;
  readonly inFlight: number;
  readonly weight: number;
  /** Share of the simulated picks, 0 to 1. */
  readonly picked: number;
}

/** One simulated pick, step by step. */
export interface ExplainedPick {
  readonly tier: string;
  /** What it looked at, in that order, and the load that it read. */
  readonly drawn: readonly { readonly endpoint: string; readonly load: number }[];
  readonly winner: string;
}

/**
 * `GET /api/explain?service=NAME&node=NODE` or `&zone=ZONE&region=REGION`: what the picker of a proxy there would choose with what is known
 * here. It is a simulation with the very code of the proxies; what only a node knows (its connections, its own ejections) is `isobar explain`'s.
 */
export interface ExplainView {
  readonly at: string;
  readonly service: string;
  readonly node: string;
  readonly region: string;
  readonly zone: string;
  readonly policy: string;
  readonly metric: string;
  /** In words, what differs from what the node does. */
  readonly notes: readonly string[];
  readonly tiers: readonly {
    readonly tier: string;
    readonly share: number;
    readonly candidates: number;
    readonly panic: boolean;
  }[];
  /** The first 500, those picked most first. */
  readonly endpoints: readonly ExplainedLine[];
  readonly omitted: number;
  /** How many picks the shares are of. */
  readonly simulated: number;
  /** The first few of them. */
  readonly picks: readonly ExplainedPick[];
}

/** A change of the timeline. */
export interface ChangeLine {
  readonly record: number;
  readonly at: string;
  /** `echo.shop:50051`, `TrafficPolicy shop/echo`, … */
  readonly subject: string;
  readonly kind: "new" | "changed" | "removed";
  /** Who or what caused it; "" when not known. */
  readonly cause: string;
  /** What differs, by JSON Pointer; the first 50. Values are JSON, cut at 500 characters. */
  readonly diff: readonly {
    readonly place: string;
    readonly was: string | null;
    readonly is: string | null;
  }[];
  readonly omitted: number;
}

/** `GET /api/timeline?service=NAME&minutes=N&limit=N` (60, at most 1,440; 100, at most 500), the newest first. 404 without an audit. */
export interface TimelineView {
  readonly at: string;
  readonly since: string;
  /** Whether there were more than `limit`. */
  readonly more: boolean;
  readonly changes: readonly ChangeLine[];
}
