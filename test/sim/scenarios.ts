import type { ClusterSettings } from "../../src/resource/cluster-settings.ts";
import { clusterSettings } from "../../src/resource/cluster-settings.ts";
import type { LoadBalancing } from "../../src/resource/load-balancing.ts";
import { runScenario } from "../../src/sim/run-scenario.ts";
import type { CallerGroup, Contestant, EndpointGroup, Scenario } from "../../src/sim/scenario.ts";
import type { SeedFigures } from "../../src/sim/summary.ts";
import { summarize } from "../../src/sim/summary.ts";

/** Endpoints with one server each and nothing special. */
export function endpointGroup(changes: Partial<EndpointGroup>): EndpointGroup {
  return {
    name: "endpoints",
    count: 10,
    zone: "a",
    region: "r",
    weight: 1,
    priority: 0,
    servers: 1,
    speed: 1,
    failShare: 0,
    blackHoled: false,
    listing: "healthy",
    coldFactor: 1,
    coldMs: 0,
    ...changes,
  };
}

/** Proxies of ours that share the traffic evenly. */
export function callerGroup(changes: Partial<CallerGroup>): CallerGroup {
  return {
    name: "callers",
    kind: "proxy",
    count: 10,
    zone: "a",
    region: "r",
    share: 1,
    hotShare: 0,
    hotTraffic: 0,
    clients: 1,
    channels: 1,
    ...changes,
  };
}

/** 10 proxies, 10 endpoints, exponential 10 ms, load 0.8, no network. */
export function scenario(changes: Partial<Scenario> = {}): Scenario {
  return {
    durationMs: 60_000,
    warmupMs: 10_000,
    windowMs: 5_000,
    timeoutMs: 1_000,
    network: { sameZoneMs: 0, crossZoneMs: 0 },
    endpoints: [endpointGroup({})],
    callers: [callerGroup({})],
    traffic: { load: 0.8, service: { kind: "exponential", meanMs: 10 }, bursts: null, trace: null },
    events: [],
    ...changes,
  };
}

/** A contestant by its policy. */
export function contestant(
  loadBalancing: Partial<LoadBalancing>,
  changes: Partial<Omit<Contestant, "settings">> & { readonly settings?: ClusterSettings } = {},
): Contestant {
  return {
    name: "contestant",
    kind: "policy",
    settings: clusterSettings({ loadBalancing }),
    fleet: false,
    peerReports: null,
    keep: [1],
    ...changes,
  };
}

/** The figures of one seed. */
export function figures(of: Scenario, by: Contestant, seed = 1): SeedFigures {
  return summarize("", [runScenario(of, by, 1, seed)], of.warmupMs / of.windowMs).seeds[0]!;
}
