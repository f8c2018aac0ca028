import type { Engine } from "../h2/connection-state.ts";
import { wantsKeyHashes } from "../resource/key-hashes.ts";
import type { LoadBalancing } from "../resource/load-balancing.ts";
import { HeaderNames } from "../route/header-names.ts";
import { HeaderView } from "../route/header-view.ts";
import { NO_HASH, StickyKey } from "../route/sticky-key.ts";

/** Makes the hash that `ring_hash`, `maglev` and policies of one's own keep requests together by, from `hash.keys`. */
export class RequestHash {
  readonly #keys: readonly StickyKey[];
  readonly #view: HeaderView;

  /** @returns undefined where the policy does not hash, or has nothing to hash. */
  static of(engine: Engine, { policy, hash }: LoadBalancing): RequestHash | undefined {
    return RequestHash.isUsedBy(policy) && hash.keys.length > 0
      ? new RequestHash(engine, hash.keys)
      : undefined;
  }

  /** @returns whether a policy hashes. */
  static isUsedBy(policy: LoadBalancing["policy"]): boolean {
    return wantsKeyHashes(policy);
  }

  private constructor({ slab, pool, scratch }: Engine, keys: LoadBalancing["hash"]["keys"]) {
    const names = new HeaderNames(slab.bytes, pool);
    // gRPC's method is the path; StickyKey knows headers, and the path is one.
    this.#keys = keys.map((key) =>
      key.kind === "method"
        ? new StickyKey({ kind: "header", name: ":path" }, names)
        : new StickyKey(key, names),
    );
    this.#view = new HeaderView(slab.bytes, pool, names, scratch);
  }

  /**
   * @param offset of the request's field block, which is not in the engine's scratch memory: values are decoded there.
   * @param source the client's address; "" when it has none.
   * @returns 1 to 2^32 - 1 from the first key the request has; 0 when it has none.
   */
  of(offset: number, octets: number, source: string): number {
    this.#view.begin(offset, octets);
    for (const key of this.#keys) {
      const hash = key.hash(this.#view, source);
      if (hash !== NO_HASH) return hash === 0 ? 1 : hash;
    }
    return 0;
  }
}
