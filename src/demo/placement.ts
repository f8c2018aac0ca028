import { SeededRandom } from "../base/random.ts";

/**
 * Where each new connection goes when the choice is made once per connection, as kube-proxy makes it for a ClusterIP:
 * uniformly at random, knowing nothing of load. The seed makes it repeatable.
 */
export class Placement {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  /** @returns the index of the backend for the next connection, from 0 to `backends - 1`. */
  next(backends: number): number {
    return this.#random.nextInt(backends);
  }
}

/** @returns how many of `connections` each of `backends` gets with this seed. */
export function connectionsPerBackend(seed: number, connections: number, backends: number): number[] {
  const placement = new Placement(seed);
  const counts = new Array<number>(backends).fill(0);
  for (let index = 0; index < connections; index++) {
    const backend = placement.next(backends);
    counts[backend] = counts[backend]! + 1;
  }
  return counts;
}
