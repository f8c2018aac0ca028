import { NO_ROUTE } from "../../route/authority-table.ts";
import type { ProxyContext } from "../proxy-context.ts";

/** Keeps a cluster's slot from being given to another cluster for as long as a connection names it. */
export class ClusterPin {
  /** NO_ROUTE while nothing is pinned. */
  slot = NO_ROUTE;
  readonly #context: ProxyContext;

  constructor(context: ProxyContext) {
    this.#context = context;
  }

  /** Pins this slot, NO_ROUTE for none, instead of the one before. */
  set(slot: number): void {
    const { clusters, releaseCluster } = this.#context;
    const former = this.slot;
    if (former === slot) return;
    this.slot = slot;
    const cluster = clusters[slot];
    if (cluster !== undefined) cluster.exchanges++;
    const left = clusters[former];
    if (left !== undefined && --left.exchanges === 0) releaseCluster(former);
  }
}
