import { NO_ROUTE } from "../../route/authority-table.ts";
import type { ProxyContext } from "../proxy-context.ts";

/**
 * The cluster that a connection as a whole is for. It is pinned: while the connection stands its slot belongs to no other
 * cluster. If it is removed and comes back, the connection is for the new one of that name.
 */
export class ConnectionCluster {
  readonly #context: ProxyContext;
  /** Its name, whichever cluster has it. */
  readonly name: string;
  #slot: number;

  /** @param slot pinned by the caller already: `exchanges` of the cluster counts it. */
  constructor(context: ProxyContext, slot: number) {
    this.#context = context;
    this.#slot = slot;
    this.name = context.clusters[slot]!.snapshot.name;
  }

  /** @returns the cluster's slot; NO_ROUTE while there is none. */
  current(): number {
    const cluster = this.#context.clusters[this.#slot];
    return cluster !== undefined && !cluster.removed ? this.#slot : this.#findAgain();
  }

  #findAgain(): number {
    const { authorities, clusters } = this.#context;
    const slot = authorities.find(this.name);
    const cluster = clusters[slot];
    if (slot === NO_ROUTE || cluster === undefined) return NO_ROUTE;
    cluster.exchanges++;
    this.release();
    this.#slot = slot;
    return slot;
  }

  /** The connection is gone. To be called once. */
  release(): void {
    const cluster = this.#context.clusters[this.#slot];
    if (cluster !== undefined && --cluster.exchanges === 0) this.#context.releaseCluster(this.#slot);
  }
}
