import type { Cluster } from "../../resource/cluster.ts";
import { placeOf } from "../resources/plan-localities.ts";
import type { PlaceLoad } from "./load-book.ts";

/** What is in flight at the moment of a report is chance: averaged over this time constant. */
const SMOOTH_MS = 5_000;

/** A zone's load relative to that of those it is compared with. */
export interface PressureRatio {
  readonly ratio: number;
  /** The ratio as far as it stands on more than a few streams. */
  readonly sureRatio: number;
}

interface Place {
  readonly region: string;
  /** Healthy endpoints, each counted by its weight relative to the mean. */
  capacity: number;
  inFlight: number;
}

const EVEN: PressureRatio = { ratio: 1, sureRatio: 1 };

/** What is in flight at a service's endpoints of each place, per capacity. Of the first priority alone: others wait until it is gone. */
export class ZonePressures {
  #places = new Map<string, Place>();

  /** Places that have healthy endpoints. */
  get places(): Iterable<string> {
    return this.#places.keys();
  }

  has(place: string): boolean {
    return this.#places.has(place);
  }

  /** @param reported what all callers say; places without a report have nothing in flight. */
  observe(cluster: Cluster, reported: Iterable<Readonly<PlaceLoad>>, elapsedMs: number): void {
    const former = this.#places;
    const places = capacities(cluster);
    const change = 1 - Math.exp(-Math.max(0, elapsedMs) / SMOOTH_MS);
    const now = new Map<string, number>();
    for (const { region, zone, inFlight } of reported) now.set(placeOf(region, zone), inFlight);
    for (const [name, place] of places) {
      const smooth = former.get(name)?.inFlight ?? 0;
      place.inFlight = smooth + ((now.get(name) ?? 0) - smooth) * change;
    }
    this.#places = places;
  }

  /** @returns how a place stands beside the others of its region, or beside all others where there are none. */
  compare(name: string): PressureRatio {
    const place = this.#places.get(name);
    if (place === undefined) return EVEN;
    const all = [...this.#places.values()].filter((each) => each !== place);
    const near = all.filter(({ region }) => region === place.region);
    const others = near.length > 0 ? near : all;
    const capacity = others.reduce((sum, each) => sum + each.capacity, 0);
    if (capacity === 0) return EVEN;
    const inFlight = others.reduce((sum, each) => sum + each.inFlight, 0);
    // One more than there is: where hardly anything is in flight nothing is gained by moving it.
    const ratio = (1 + place.inFlight / place.capacity) / (1 + inFlight / capacity);
    return { ratio, sureRatio: ratio / (1 + 1 / Math.sqrt(place.inFlight)) };
  }
}

function capacities({ endpoints }: Cluster): Map<string, Place> {
  let first = Number.POSITIVE_INFINITY;
  for (const { priority } of endpoints) first = Math.min(first, priority);
  const places = new Map<string, Place>();
  let count = 0;
  let whole = 0;
  for (const { region, zone, priority, health, weight } of endpoints) {
    if (priority !== first || health !== "healthy") continue;
    const name = placeOf(region, zone);
    let place = places.get(name);
    if (place === undefined) {
      place = { region, capacity: 0, inFlight: 0 };
      places.set(name, place);
    }
    place.capacity += weight;
    whole += weight;
    count++;
  }
  for (const place of places.values()) place.capacity *= count / whole;
  return places;
}
