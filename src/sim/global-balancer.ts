import type { Random } from "../base/random.ts";
import { SeededRandom } from "../base/random.ts";
import type { Balancer } from "./balancer.ts";
import type { EndpointPool } from "./endpoint-pool.ts";
import type { ScenarioCluster } from "./scenario-cluster.ts";

/**
 * The yardsticks that know everybody's requests in flight at the moment of the pick, those on the network and those of foreign callers included:
 * the less loaded of `choices` healthy endpoints per weight, or with 0 choices the least loaded of all. Nothing that is spread over
 * nodes can know that.
 */
export class GlobalBalancer implements Balancer {
  readonly timerCount = 0;
  readonly #cluster: ScenarioCluster;
  readonly #pool: EndpointPool;
  readonly #choices: number;
  readonly #random: Random;
  #healthy: Int32Array = new Int32Array(0);

  constructor(cluster: ScenarioCluster, pool: EndpointPool, choices: number, seed: number) {
    this.#cluster = cluster;
    this.#pool = pool;
    this.#choices = choices;
    this.#random = new SeededRandom(seed);
    this.update();
  }

  choose(): number {
    const healthy = this.#healthy;
    const { length } = healthy;
    if (length < 2) return length === 0 ? -1 : healthy[0]!;
    if (this.#choices === 0) return this.#leastOfAll(healthy);
    let best = this.#random.nextInt(length);
    for (let i = 1; i < this.#choices; i++) {
      let other = this.#random.nextInt(length - 1);
      if (other >= best) other++;
      if (this.#load(healthy[other]!) < this.#load(healthy[best]!)) best = other;
    }
    return healthy[best]!;
  }

  answered(): void {}

  update(): void {
    this.#healthy = Int32Array.from(
      this.#cluster.endpoints.flatMap((_, slot) => (this.#cluster.isHealthy(slot) ? [slot] : [])),
    );
  }

  firstMs(): number {
    return Number.POSITIVE_INFINITY;
  }

  fire(): number {
    return Number.POSITIVE_INFINITY;
  }

  /** Starts at a random place, so that equal ones are equally often first. */
  #leastOfAll(healthy: Int32Array): number {
    const { length } = healthy;
    let at = this.#random.nextInt(length);
    let best = healthy[at]!;
    let least = this.#load(best);
    for (let i = 1; i < length && least > 0; i++) {
      at = at + 1 === length ? 0 : at + 1;
      const load = this.#load(healthy[at]!);
      if (load < least) {
        least = load;
        best = healthy[at]!;
      }
    }
    return best;
  }

  #load(slot: number): number {
    return this.#pool.inFlight[slot]! / this.#cluster.endpoints[slot]!.group.weight;
  }
}
