import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { HEALTH_CODE } from "../resource/endpoint.ts";
import type { SetAside } from "../resource/set-aside.ts";
import { MAX_ENDPOINT_SLOTS } from "../resource/slot-registry.ts";
import type { EndpointCounters } from "../telemetry/endpoint-counters.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";

/**
 * The endpoints that any thread of the process has set aside, as this worker's candidates know them: one worker's failed
 * connect spares the others theirs, and what the main thread finds out by asking counts for all.
 */
export class SharedSetAside {
  readonly #endpoints: EndpointCounters;
  /** By slot: what the candidates were last built with. */
  readonly #known = new Uint8Array(MAX_ENDPOINT_SLOTS);
  /** Whether any of them ever was another number than 0. */
  #knowsAny = false;
  #version = 0;

  constructor(endpoints: EndpointCounters) {
    this.#endpoints = endpoints;
  }

  /**
   * For lb/build-tiers.ts: why endpoints are set aside; remembers what it has said.
   *
   * @param slots of all that are going to be asked about.
   * @returns undefined where no endpoint of the process is set aside.
   */
  readonly verdict = (slots: Int32Array): ((slot: number) => SetAside) | undefined => {
    if (!this.#endpoints.nothingAside) return this.#verdictOf;
    if (this.#knowsAny) for (let i = 0; i < slots.length; i++) this.#known[slots[i]!] = 0;
    return undefined;
  };

  readonly #verdictOf = (slot: number): SetAside => {
    const reasons = this.#endpoints.asideReasons(slot);
    if (reasons !== 0) this.#knowsAny = true;
    if (this.#knowsAny) this.#known[slot] = reasons;
    return reasons;
  };

  /** Looks whether others have set aside or taken back anything. Costs one read when they have not. */
  follow(
    clusters: readonly (ClusterRuntime | undefined)[],
    onRebuilt: (cluster: ClusterRuntime) => void,
  ): void {
    const version = this.#endpoints.setAsideVersion;
    if (version === this.#version) return;
    this.#version = version;
    for (const cluster of clusters) {
      if (cluster === undefined || !this.#isStale(cluster.snapshot)) continue;
      cluster.rebuild();
      onRebuilt(cluster);
    }
  }

  #isStale(snapshot: ClusterSnapshot): boolean {
    const { slots } = snapshot;
    const healths = snapshot.healths();
    for (let i = 0; i < slots.length; i++) {
      if (healths[i] === HEALTH_CODE.unhealthy) continue;
      const slot = slots[i]!;
      if (this.#endpoints.asideReasons(slot) !== this.#known[slot]) return true;
    }
    return false;
  }
}
