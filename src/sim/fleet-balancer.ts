import { buildTiers } from "../lb/build-tiers.ts";
import { candidateColumns } from "../lb/candidate-columns.ts";
import { EndpointMeasures } from "../lb/load/endpoint-measures.ts";
import { AssignmentCache } from "../lb/subset/assignment-cache.ts";
import { TieredPicker } from "../lb/tiered-picker.ts";
import type { Fleet } from "../resource/fleet.ts";
import type { SetAside } from "../resource/set-aside.ts";
import type { Balancer } from "./balancer.ts";
import type { CallerPlace } from "./caller-place.ts";
import type { EndpointPool } from "./endpoint-pool.ts";
import { PeerExchange } from "./peer-exchange.ts";
import type { Contestant } from "./scenario.ts";
import type { ScenarioCluster } from "./scenario-cluster.ts";
import { SimulatedProxy } from "./simulated-proxy.ts";

/** How often a proxy looks at the load anew. */
const BALANCE_MS = 250;
/** The product's clock begins above 0. */
const CLOCK_START_MS = 1;

/** What a timer of each proxy does. */
type Duty = "balance" | "send" | "hear" | "ask";

/**
 * A fleet of proxies that run the product's own code, each with its own view: what it has in flight, what it was told, its zone and its
 * place in the fleet. Nothing is shared that real nodes would not share; what is immutable and the same is shared to save memory.
 */
export class FleetBalancer implements Balancer {
  readonly timerCount: number;
  readonly #cluster: ScenarioCluster;
  readonly #pool: EndpointPool;
  readonly #contestant: Contestant;
  readonly #callers: readonly CallerPlace[];
  readonly #fleets: readonly (Fleet | undefined)[];
  readonly #proxies: readonly SimulatedProxy[];
  readonly #peers: PeerExchange | undefined;
  readonly #duties: readonly { readonly duty: Duty; readonly intervalMs: number; readonly afterMs: number }[];
  readonly #perRequest: boolean;
  /** When discovery first named an endpoint; 0: at the start. */
  readonly #listedMs: Float64Array;

  constructor(
    cluster: ScenarioCluster,
    pool: EndpointPool,
    contestant: Contestant,
    callers: readonly CallerPlace[],
    seed: number,
  ) {
    this.#cluster = cluster;
    this.#pool = pool;
    this.#contestant = contestant;
    this.#callers = callers;
    const { loadBalancing } = contestant.settings;
    const { peerReports } = contestant;
    const { perRequest, outOfBandMs } = loadBalancing.loadReports;
    this.#perRequest = perRequest;
    const count = cluster.endpoints.length;
    this.#listedMs = Float64Array.from(cluster.endpoints, (_, slot) => (cluster.isListed(slot) ? 0 : -1));
    this.#fleets = fleetsOf(callers, contestant.fleet);
    this.#peers = peerReports === null ? undefined : new PeerExchange(callers.length, count);
    const measuring =
      peerReports !== null || perRequest || outOfBandMs > 0 || loadBalancing.metric !== "in_flight";
    const nothing = new EndpointMeasures(1, count);
    this.#proxies = callers.map(({ node }, i) => {
      const measures = measuring || cluster.zones.length > 1 ? new EndpointMeasures(1, count) : nothing;
      return new SimulatedProxy(node, loadBalancing, measures, count, seed + 7919 * i);
    });
    this.#duties = [
      { duty: "balance", intervalMs: BALANCE_MS, afterMs: 0 },
      ...(peerReports === null
        ? []
        : ([
            { duty: "send", intervalMs: peerReports.intervalMs, afterMs: 0 },
            { duty: "hear", intervalMs: peerReports.intervalMs, afterMs: peerReports.delayMs },
          ] as const)),
      ...(outOfBandMs > 0 ? [{ duty: "ask", intervalMs: outOfBandMs, afterMs: 0 } as const] : []),
    ];
    this.timerCount = this.#duties.length * callers.length;
    this.#follow();
  }

  choose(caller: number, nowMs: number): number {
    return this.#proxies[caller]!.choose(nowMs + CLOCK_START_MS);
  }

  answered(
    caller: number,
    slot: number,
    latencyMs: number,
    failed: boolean,
    reported: number,
    nowMs: number,
  ): void {
    const proxy = this.#proxies[caller]!;
    proxy.answered(slot, latencyMs, failed, nowMs + CLOCK_START_MS);
    if (this.#perRequest && reported >= 0) proxy.report(slot, reported, nowMs + CLOCK_START_MS, true);
  }

  update(nowMs: number): void {
    for (let slot = 0; slot < this.#listedMs.length; slot++) {
      if (this.#listedMs[slot]! < 0 && this.#cluster.isListed(slot)) {
        this.#listedMs[slot] = nowMs + CLOCK_START_MS;
      }
    }
    this.#follow();
  }

  /** Proxies do the same things at different moments, as if each had started at its own. */
  firstMs(timer: number): number {
    const { intervalMs, afterMs } = this.#duties[Math.floor(timer / this.#callers.length)]!;
    return afterMs + (intervalMs * ((timer % this.#callers.length) + 0.5)) / this.#callers.length;
  }

  fire(timer: number, nowMs: number): number {
    const { duty, intervalMs } = this.#duties[Math.floor(timer / this.#callers.length)]!;
    const number = timer % this.#callers.length;
    const proxy = this.#proxies[number]!;
    if (duty === "balance") proxy.balance(nowMs + CLOCK_START_MS);
    else if (duty === "send") this.#peers!.send(number, proxy.streams, nowMs + CLOCK_START_MS);
    else if (duty === "hear") this.#hear(number, proxy);
    else this.#ask(proxy, nowMs + CLOCK_START_MS);
    return nowMs + intervalMs;
  }

  #hear(number: number, proxy: SimulatedProxy): void {
    const peers = this.#peers!;
    peers.arrive(number);
    const atMs = peers.countedMs(number);
    if (atMs === 0) return;
    for (let slot = 0; slot < this.#listedMs.length; slot++) {
      proxy.peerInFlight(slot, peers.othersAt(number, slot), atMs);
    }
  }

  /** Out-of-band reports: of the endpoints the proxy uses. */
  #ask(proxy: SimulatedProxy, nowMs: number): void {
    for (const { slots } of proxy.tiered.tierSet.tiers) {
      for (let i = 0; i < slots.length; i++)
        proxy.report(slots[i]!, this.#pool.utilization(slots[i]!), nowMs, false);
    }
  }

  #follow(): void {
    const { snapshot } = this.#cluster;
    const slots = Int32Array.from({ length: snapshot.count }, (_, index) => snapshot.slotAt(index));
    const weights = Float64Array.from(slots, (_, index) => snapshot.weightAt(index));
    const tiered = this.#tiered();
    this.#proxies.forEach((proxy, i) => {
      proxy.follow(tiered[i]!, slots, weights);
    });
  }

  /** What each proxy chooses from. Those at the same place that are no fleet see the same. */
  #tiered(): TieredPicker[] {
    const { snapshot } = this.#cluster;
    const { loadBalancing } = this.#contestant.settings;
    const ramps = this.#listedMs.map((listedMs) => Math.max(0, listedMs));
    const shared = new Map<string, TieredPicker>();
    const assignments = new AssignmentCache();
    return this.#callers.map(({ node, zone, region }, i) => {
      const fleet = this.#fleets[i];
      const { distribution } = loadBalancing.locality;
      const key = distribution === "PreferSameNode" || distribution === "OnlySameNode" ? node : zone;
      const known = fleet === undefined ? shared.get(key) : undefined;
      if (known !== undefined) return known;
      const built = buildTiers(snapshot, { node, zone, region }, () => 0 as SetAside, {
        fleet,
        assignments,
        columns: (indexes) => candidateColumns(snapshot, indexes, ramps),
      });
      const tiered = new TieredPicker(built, loadBalancing);
      shared.set(key, tiered);
      return tiered;
    });
  }
}

function fleetsOf(callers: readonly CallerPlace[], known: boolean): (Fleet | undefined)[] {
  if (!known) return callers.map(() => undefined);
  const total = callers.reduce((sum, { share }) => sum + share, 0);
  return callers.map(({ zone, share }, nodeIndex) => {
    const neighbours = callers.flatMap((caller, i) => (caller.zone === zone ? [i] : []));
    return {
      nodeIndex,
      nodeCount: callers.length,
      zoneIndex: neighbours.indexOf(nodeIndex),
      zoneCount: neighbours.length,
      trafficShare: share / total,
    };
  });
}
