import { Arrivals } from "./arrivals.ts";
import type { Balancer } from "./balancer.ts";
import { callerPlaces } from "./caller-place.ts";
import { ConnectionBalancer } from "./connection-balancer.ts";
import { EndpointPool } from "./endpoint-pool.ts";
import { FleetBalancer } from "./fleet-balancer.ts";
import { GlobalBalancer } from "./global-balancer.ts";
import type { RunResult } from "./run-result.ts";
import type { Contestant, Scenario } from "./scenario.ts";
import { ScenarioCluster } from "./scenario-cluster.ts";
import { Simulation } from "./simulation.ts";
import { StaticSplitBalancer } from "./static-split-balancer.ts";

/**
 * One run. The same arguments give the same result, whatever ran before, on every machine.
 *
 * @param keep for a contestant of the kind `static_split`, one of its `keep`.
 * @param seed a whole number.
 */
export function runScenario(
  scenario: Scenario,
  contestant: Contestant,
  keep: number,
  seed: number,
): RunResult {
  const cluster = new ScenarioCluster(scenario, contestant.settings);
  const pool = new EndpointPool(cluster.endpoints);
  const callers = callerPlaces(scenario);
  const arrivals = new Arrivals(scenario, callers, ratePerMs(scenario, cluster, pool), mixed(seed, 1));
  const proxies = callers.filter(({ group }) => group.kind === "proxy");
  const choiceSeed = mixed(seed, 2);
  const ours = createBalancer();
  const connections = new ConnectionBalancer(cluster, callers, mixed(seed, 3));
  const random = new GlobalBalancer(cluster, pool, 1, mixed(seed, 4));
  const byKind = { proxy: ours, connection: connections, random };
  const participants = {
    cluster,
    pool,
    arrivals,
    callerZone: Int32Array.from(callers, ({ zone }) => cluster.zones.indexOf(zone)),
    balancers: callers.map(({ group }) => byKind[group.kind]),
    proxyCount: proxies.length,
  };
  return new Simulation(scenario, participants, mixed(seed, 5)).run();

  function createBalancer(): Balancer {
    switch (contestant.kind) {
      case "policy":
        return new FleetBalancer(cluster, pool, contestant, proxies, choiceSeed);
      case "oracle":
        return new GlobalBalancer(cluster, pool, 2, choiceSeed);
      case "least_loaded":
        return new GlobalBalancer(cluster, pool, 0, choiceSeed);
      case "per_connection":
        return new ConnectionBalancer(cluster, proxies, choiceSeed);
      case "static_split":
        return new StaticSplitBalancer(cluster, pool, callers, arrivals.rates, keep, choiceSeed);
    }
  }
}

/** Requests per ms of all callers, that make the load asked for of what is there at the start. */
function ratePerMs(scenario: Scenario, cluster: ScenarioCluster, pool: EndpointPool): number {
  const { load, service, trace } = scenario.traffic;
  if (trace !== null && load === 0) return (trace.arrivalMs.length - 1) / trace.arrivalMs.at(-1)!;
  const meanMs =
    trace === null
      ? service.meanMs
      : trace.serviceMs.reduce((sum, serviceMs) => sum + serviceMs, 0) / trace.serviceMs.length;
  const capacity = cluster.endpoints.reduce(
    (sum, _, slot) => sum + (cluster.isHealthy(slot) ? pool.capacity(slot) : 0),
    0,
  );
  return (load * capacity) / meanMs;
}

/** One seed makes many that have nothing to do with each other. */
function mixed(seed: number, purpose: number): number {
  let x = (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(purpose, 0x85ebca6b)) | 0;
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
  return x ^ (x >>> 13);
}
