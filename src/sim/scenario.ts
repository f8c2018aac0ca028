import type { ClusterSettings } from "../resource/cluster-settings.ts";
import type { Bursts } from "./burst-phases.ts";
import type { ServiceModel } from "./service-model.ts";

/** One way through the network, in ms. */
export interface NetworkDelays {
  readonly sameZoneMs: number;
  readonly crossZoneMs: number;
}

/** How an endpoint really is, whatever anybody believes of it. */
export interface EndpointState {
  /** Service times are divided by it; greater than 0. */
  readonly speed: number;
  /** Share of the requests that it answers at once with an error. */
  readonly failShare: number;
  /** Takes requests and never answers. */
  readonly blackHoled: boolean;
}

/** What discovery says of an endpoint. */
export type Listing = "healthy" | "unhealthy" | "draining" | "absent";

/** Endpoints that are alike. */
export interface EndpointGroup extends EndpointState {
  readonly name: string;
  readonly count: number;
  readonly zone: string;
  readonly region: string;
  readonly weight: number;
  readonly priority: number;
  /** Requests served at the same time; the others wait in their order of arrival. */
  readonly servers: number;
  readonly listing: Listing;
  /** A new endpoint is slower by `coldFactor` at first, and gets to its speed evenly within `coldMs`; 1 and 0: at once. */
  readonly coldFactor: number;
  readonly coldMs: number;
}

/** Who sends requests: proxies of ours, each for the clients of its node, or callers that are not our proxies. */
export interface CallerGroup {
  readonly name: string;
  /**
   * `proxy`: what a contestant decides for. Foreign ones do the same under all contestants: `connection` picks at random among its channels,
   * each pinned to a random endpoint; `random` picks any endpoint each time.
   */
  readonly kind: "proxy" | "connection" | "random";
  readonly count: number;
  readonly zone: string;
  readonly region: string;
  /** Part of the traffic, relative to the other groups. */
  readonly share: number;
  /** Of the callers this share sends `hotTraffic` of the group's requests; 0 for none. */
  readonly hotShare: number;
  readonly hotTraffic: number;
  /** Clients behind each proxy, and channels of each client: what balancing per connection pins. */
  readonly clients: number;
  readonly channels: number;
}

/** Requests as they were recorded, instead of models of them. */
export interface RecordedTrace {
  /** Never going down, the first at 0. */
  readonly arrivalMs: Float64Array;
  readonly serviceMs: Float64Array;
  /** Which caller sent it, from 0, going round when there are fewer; null: unknown, by their shares. */
  readonly caller: Int32Array | null;
}

/** How much is asked, and what of. */
export interface Traffic {
  /** Requests' service time per time, relative to what all endpoints listed at the start can do; for a trace 0 leaves its pace as recorded. */
  readonly load: number;
  readonly service: ServiceModel;
  readonly bursts: Bursts | null;
  readonly trace: RecordedTrace | null;
}

/** Something that changes on the way. */
export interface ScenarioEvent {
  readonly atMs: number;
  /** Endpoints it is about: those of this group ("" for all) in this zone ("" for all), of them the first `share`. */
  readonly group: string;
  readonly zone: string;
  readonly share: number;
  /** What they are from now on; what is absent stays. */
  readonly state: Partial<EndpointState>;
  readonly listing: Listing | null;
  /** How much later discovery says so. */
  readonly noticedAfterMs: number;
  /** Traffic of these callers ("" for none) is multiplied by `trafficFactor`, relative to the start. */
  readonly callers: string;
  readonly trafficFactor: number;
}

/** How a proxy learns the requests in flight of the others. */
export interface PeerReports {
  readonly intervalMs: number;
  /** From a proxy's count to its arrival at the others. */
  readonly delayMs: number;
}

/** One way to choose endpoints. */
export interface Contestant {
  readonly name: string;
  /**
   * `policy`: the product's own code, with `settings`. Yardsticks: `oracle`: the less loaded of two, with everybody's requests known at once;
   * `least_loaded`: the least loaded of all, known at once; `per_connection`: each channel of each client pinned to a random endpoint, as a
   * ClusterIP has it; `static_split`: power of two choices by own counts within each zone, and a split between the zones that does not
   * react to load, made by somebody who knows rates and capacities: of its traffic, a zone keeps at most what fills `keep` of itself.
   */
  readonly kind: "policy" | "oracle" | "least_loaded" | "per_connection" | "static_split";
  readonly settings: ClusterSettings;
  /** Whether the proxies know their place in the fleet and their share of the traffic. */
  readonly fleet: boolean;
  readonly peerReports: PeerReports | null;
  /** For `static_split`, 1 or more: 1 fills a zone to the mean of all, more keeps more at home. */
  readonly keep: readonly number[];
}

/** Everything that decides a run but the seed and the contestant. Times in ms, virtual. */
export interface Scenario {
  readonly durationMs: number;
  /** What starts before is not measured. */
  readonly warmupMs: number;
  readonly windowMs: number;
  readonly network: NetworkDelays;
  /** When a caller gives up what a black hole does not answer. */
  readonly timeoutMs: number;
  readonly endpoints: readonly EndpointGroup[];
  readonly callers: readonly CallerGroup[];
  readonly traffic: Traffic;
  readonly events: readonly ScenarioEvent[];
}
