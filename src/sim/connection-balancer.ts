import type { Random } from "../base/random.ts";
import { SeededRandom } from "../base/random.ts";
import type { Balancer } from "./balancer.ts";
import type { CallerPlace } from "./caller-place.ts";
import type { ScenarioCluster } from "./scenario-cluster.ts";

/**
 * Balancing per connection, as kube-proxy does it for a ClusterIP: each channel of each client is pinned to a random endpoint, whatever its
 * weight, and only when discovery takes that away does it move. A client's requests take its channels at random.
 */
export class ConnectionBalancer implements Balancer {
  readonly timerCount = 0;
  readonly #cluster: ScenarioCluster;
  readonly #pins: readonly Int32Array[];
  readonly #random: Random;

  constructor(cluster: ScenarioCluster, callers: readonly CallerPlace[], seed: number) {
    this.#cluster = cluster;
    this.#random = new SeededRandom(seed);
    this.#pins = callers.map(({ group }) => new Int32Array(group.clients * group.channels).fill(-1));
    this.update();
  }

  choose(caller: number): number {
    const pins = this.#pins[caller]!;
    return pins[pins.length === 1 ? 0 : this.#random.nextInt(pins.length)]!;
  }

  answered(): void {}

  update(): void {
    const healthy = this.#cluster.endpoints.flatMap((_, slot) =>
      this.#cluster.isHealthy(slot) ? [slot] : [],
    );
    for (const pins of this.#pins) {
      for (let i = 0; i < pins.length; i++) {
        if (pins[i]! >= 0 && this.#cluster.isHealthy(pins[i]!)) continue;
        pins[i] = healthy.length === 0 ? -1 : healthy[this.#random.nextInt(healthy.length)]!;
      }
    }
  }

  firstMs(): number {
    return Number.POSITIVE_INFINITY;
  }

  fire(): number {
    return Number.POSITIVE_INFINITY;
  }
}
