import type { Cluster } from "../../resource/cluster.ts";
import type { Endpoint } from "../../resource/endpoint.ts";

/** Below this share of the endpoints there were an update is held back. */
const GUTTED_SHARE = 0.5;
/** Updates within this time are one: whoever empties a service slice by slice guts it as well. */
const TOGETHER_MS = 2_000;

/** A cluster as it is to be used, and what of it the control plane does not list any more. */
export interface HeldCluster {
  readonly cluster: Cluster;
  /** Endpoints of it that were taken away not long ago; none when nothing is held back. */
  readonly held: readonly Endpoint[];
}

const NONE: readonly Endpoint[] = [];

/**
 * Endpoints of one cluster over its updates. An update that leaves less than half of them, or none, by itself or with those just before it, is not believed at
 * once: what it adds and changes counts, but what it takes away stays for a while. Nobody's mistake then empties a service within a second; and a
 * removal that is meant is late, not refused.
 */
export class HoldBack {
  readonly #holdMs: number;
  #given: readonly Endpoint[] = [];
  /** The most that there was before and among the updates that count as one, and since when they do. */
  #before: readonly Endpoint[] = [];
  #beforeMs = Number.NEGATIVE_INFINITY;
  #heldSinceMs: number | undefined;
  /** What the control plane says, while something is held back. */
  #target: Cluster | undefined;

  /** @param holdMs how long; 0 believes everything at once. */
  constructor(holdMs: number) {
    this.#holdMs = holdMs;
  }

  /** When what is held back goes, on the clock of `nowMs`; undefined when nothing is. */
  get dueMs(): number | undefined {
    return this.#heldSinceMs === undefined ? undefined : this.#heldSinceMs + this.#holdMs;
  }

  /** @param deliberate the control plane says that it means it. */
  update(target: Cluster, deliberate: boolean, nowMs: number): HeldCluster {
    if (this.#heldSinceMs === undefined && nowMs - this.#beforeMs > TOGETHER_MS) {
      this.#before = this.#given;
      this.#beforeMs = nowMs;
    }
    if (deliberate || this.#holdMs === 0) return this.#believe(target);
    const before = this.#before.length;
    const guts = target.endpoints.length === 0 ? before > 0 : target.endpoints.length < before * GUTTED_SHARE;
    if (!guts) return this.#give(target);
    this.#heldSinceMs ??= nowMs;
    this.#target = target;
    if (nowMs >= this.#heldSinceMs + this.#holdMs) return this.#believe(target);
    const listed = new Set(target.endpoints.map(({ key }) => key));
    const places = new Set(target.endpoints.map(placeOf));
    // Whoever has the address now is another one, and gets no call that was meant for its former owner.
    const missing = [...this.#given, ...this.#before].filter(({ key, ...endpoint }) => {
      const place = placeOf(endpoint);
      if (listed.has(key) || places.has(place)) return false;
      listed.add(key);
      places.add(place);
      return true;
    });
    const endpoints = [...target.endpoints, ...missing];
    this.#given = endpoints;
    return { cluster: { ...target, endpoints }, held: missing };
  }

  /** Believes what was held back. @returns undefined when nothing was. */
  release(): HeldCluster | undefined {
    return this.#target === undefined ? undefined : this.#believe(this.#target);
  }

  /** What there was before does not count any more. */
  #believe(target: Cluster): HeldCluster {
    this.#before = NONE;
    return this.#give(target);
  }

  #give(target: Cluster): HeldCluster {
    this.#heldSinceMs = undefined;
    this.#target = undefined;
    this.#given = target.endpoints;
    if (this.#given.length > this.#before.length) this.#before = this.#given;
    return { cluster: target, held: NONE };
  }
}

function placeOf({ address, port }: Pick<Endpoint, "address" | "port">): string {
  return `${address} ${port}`;
}
