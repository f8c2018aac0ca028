import type { Random } from "../base/random.ts";
import { SeededRandom } from "../base/random.ts";
import type { Balancer } from "./balancer.ts";
import type { CallerPlace } from "./caller-place.ts";
import type { EndpointPool } from "./endpoint-pool.ts";
import type { ScenarioCluster } from "./scenario-cluster.ts";

/**
 * The best that configuration can do without looking at load: fixed parts of each zone's traffic for each zone, made by somebody who knows
 * all rates and capacities, and within a zone the less loaded of two by what the proxy itself has in flight. The parts are made anew when
 * discovery or rates change.
 */
export class StaticSplitBalancer implements Balancer {
  readonly timerCount = 0;
  readonly #cluster: ScenarioCluster;
  readonly #pool: EndpointPool;
  readonly #callers: readonly CallerPlace[];
  readonly #rates: Float64Array;
  readonly #keep: number;
  readonly #random: Random;
  readonly #streams: readonly Int32Array[];
  readonly #callerZone: Int32Array;
  #slotsByZone: readonly Int32Array[] = [];
  /** Parts by zone of caller × zone of endpoint, each added to those before. */
  #sums: readonly Float64Array[] = [];

  /**
   * @param rates of each caller, as they are when {@link update} is called.
   * @param keep what a zone fills of itself at most, relative to the mean load of all zones; 1 or more.
   */
  constructor(
    cluster: ScenarioCluster,
    pool: EndpointPool,
    callers: readonly CallerPlace[],
    rates: Float64Array,
    keep: number,
    seed: number,
  ) {
    this.#cluster = cluster;
    this.#pool = pool;
    this.#callers = callers;
    this.#rates = rates;
    this.#keep = keep;
    this.#random = new SeededRandom(seed);
    this.#streams = callers.map(() => new Int32Array(cluster.endpoints.length));
    this.#callerZone = Int32Array.from(callers, ({ zone }) => cluster.zones.indexOf(zone));
    this.update();
  }

  choose(caller: number): number {
    const sums = this.#sums[this.#callerZone[caller]!]!;
    const point = this.#random.nextFloat() * sums[sums.length - 1]!;
    let zone = 0;
    while (zone < sums.length - 1 && point >= sums[zone]!) zone++;
    const slots = this.#slotsByZone[zone]!;
    if (slots.length === 0) return -1;
    const streams = this.#streams[caller]!;
    let best = slots[this.#random.nextInt(slots.length)]!;
    if (slots.length > 1) {
      let other = best;
      while (other === best) other = slots[this.#random.nextInt(slots.length)]!;
      if (streams[other]! < streams[best]!) best = other;
    }
    streams[best]!++;
    return best;
  }

  answered(caller: number, slot: number): void {
    this.#streams[caller]![slot]!--;
  }

  update(): void {
    const { zones, endpoints } = this.#cluster;
    this.#slotsByZone = zones.map((_, zone) =>
      Int32Array.from(
        endpoints.flatMap((endpoint, slot) =>
          endpoint.zone === zone && this.#cluster.isHealthy(slot) ? [slot] : [],
        ),
      ),
    );
    const capacity = this.#slotsByZone.map((slots) =>
      slots.reduce((sum, slot) => sum + this.#pool.capacity(slot), 0),
    );
    const demand = zones.map((_, zone) =>
      this.#callers.reduce((sum, _, i) => sum + (this.#callerZone[i] === zone ? this.#rates[i]! : 0), 0),
    );
    const mean = sumOf(demand) / sumOf(capacity);
    const kept = zones.map((_, z) => Math.min(demand[z]!, this.#keep * mean * capacity[z]!));
    const free = zones.map((_, z) => Math.max(0, this.#keep * mean * capacity[z]! - kept[z]!));
    this.#sums = zones.map((_, own) => {
      const excess = demand[own]! - kept[own]!;
      const elsewhere = sumOf(free) - free[own]!;
      let sum = 0;
      return Float64Array.from(zones, (_, zone) => {
        if (zone === own) sum += kept[own]!;
        else
          sum +=
            elsewhere > 0 ? (excess * free[zone]!) / elsewhere : (excess * capacity[zone]!) / sumOf(capacity);
        return sum;
      });
    });
  }

  firstMs(): number {
    return Number.POSITIVE_INFINITY;
  }

  fire(): number {
    return Number.POSITIVE_INFINITY;
  }
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
