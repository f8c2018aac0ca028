import type { Engine } from "../../h2/connection-state.ts";
import type { CompiledRoute } from "../../route/compiled-route.ts";
import type { ClusterRuntime } from "../cluster-runtime.ts";
import { RequestHash } from "../request-hash.ts";

/** What routes keep requests together by, where they say so themselves; made once for each route. */
export class RouteHashes {
  readonly #engine: Engine;
  readonly #made = new WeakMap<CompiledRoute, RequestHash>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** @returns undefined where the cluster's policy has no use for a hash. */
  of(route: CompiledRoute, { snapshot }: ClusterRuntime): RequestHash | undefined {
    const { loadBalancing } = snapshot.settings;
    if (!RequestHash.isUsedBy(loadBalancing.policy)) return undefined;
    const known = this.#made.get(route);
    if (known !== undefined) return known;
    const { hash } = loadBalancing;
    const made = RequestHash.of(this.#engine, {
      ...loadBalancing,
      hash: { ...hash, keys: route.route.hash ?? hash.keys },
    });
    if (made !== undefined) this.#made.set(route, made);
    return made;
  }
}
