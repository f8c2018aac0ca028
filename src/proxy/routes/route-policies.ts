import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import type { CompiledRoute } from "../../route/compiled-route.ts";
import type { ClusterRuntime } from "../cluster-runtime.ts";
import { AttemptPolicy } from "../retry/attempt-policy.ts";

interface Made {
  readonly snapshot: ClusterSnapshot;
  readonly policy: AttemptPolicy | undefined;
}

/** What routes make of their clusters' policies about attempts, made once for each version of a cluster. */
export class RoutePolicies {
  /** By route and cluster slot. */
  readonly #made = new WeakMap<CompiledRoute, Made[]>();

  /** @returns undefined: nothing is done beyond one plain attempt. */
  of(route: CompiledRoute, { snapshot }: ClusterRuntime): AttemptPolicy | undefined {
    let made = this.#made.get(route);
    if (made === undefined) {
      made = [];
      this.#made.set(route, made);
    }
    const known = made[snapshot.clusterSlot];
    if (known?.snapshot === snapshot) return known.policy;
    const { retries, timeouts, hedging } = snapshot.settings;
    const own = route.policy;
    const policy = AttemptPolicy.of({
      retries: own?.retries === undefined ? retries : own.retries,
      timeouts: own?.timeouts ?? timeouts,
      hedging,
    });
    made[snapshot.clusterSlot] = { snapshot, policy };
    return policy;
  }
}
