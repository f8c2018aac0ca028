import { NO_ROUTE } from "../../route/authority-table.ts";
import { RouteCache } from "../../route/route-cache.ts";
import type { RouteTable } from "../../route/route-table.ts";
import { NO_HOST } from "../../route/route-table.ts";
import type { RequestNames } from "../authorities/request-names.ts";
import type { ProxyContext } from "../proxy-context.ts";

const LONGEST_AUTHORITY_OCTETS = 1024;
/** Fits the scratch memory; a longer path is no route's, only those without a path are for it. */
const LONGEST_PATH_OCTETS = 8192;
const LOW_BITS = 16;
const LOW_MASK = 2 ** LOW_BITS - 1;
/** Lists of rules kept by path; a power of two. */
const PATHS = 8192;

/**
 * What the names of a request lead to before its headers are looked at: its authority to a host of the table and a cluster, its
 * path to a list of rules. Interned names, nearly all, cost a few reads.
 */
export class HostCache {
  /** After {@link ofAuthority} or {@link ofCluster}: the host, or NO_HOST. */
  host: number = NO_HOST;
  readonly #context: ProxyContext;
  readonly #table: RouteTable;
  readonly #byAuthority: RouteCache;
  /** By cluster slot: the host of its name + 2; 0 where it is not known yet. */
  readonly #byCluster: number[] = [];
  #clustersVersion = 0;
  readonly #pathKey = new Int32Array(PATHS).fill(-1);
  readonly #pathGeneration = new Int32Array(PATHS);
  readonly #pathList = new Int32Array(PATHS);

  constructor(context: ProxyContext, table: RouteTable) {
    this.#context = context;
    this.#table = table;
    this.#byAuthority = new RouteCache(context.engine.pool.generation.length);
  }

  /** Hosts or their rules are others now. */
  forget(): void {
    this.#byAuthority.clear();
    this.#byCluster.length = 0;
    this.#pathKey.fill(-1);
  }

  /** @returns the cluster the request's authority names, or NO_ROUTE; its host is in {@link host}. */
  ofAuthority(request: RequestNames): number {
    const { authorities, replyScratch, engine } = this.#context;
    const { pool, slab } = engine;
    const id = request.authorityIntern;
    let known = id > 0 ? this.#byAuthority.get(id, pool.generation[id]!, authorities.version) : undefined;
    if (known === undefined) {
      this.host = NO_HOST;
      if (!request.hasAuthority || request.authorityLength > LONGEST_AUTHORITY_OCTETS) return NO_ROUTE;
      const length = request.readAuthority(replyScratch);
      const host = this.#table.host(slab.bytes, replyScratch, length);
      const cluster = authorities.lookup(slab.bytes, replyScratch, length);
      known = ((host + 1) << LOW_BITS) | (cluster + 1);
      if (id > 0) this.#byAuthority.set(id, pool.generation[id]!, authorities.version, known);
    }
    this.host = (known >>> LOW_BITS) - 1;
    return (known & LOW_MASK) - 1;
  }

  /** As {@link ofAuthority}, for a connection that is for one cluster: what routes say of that cluster's name counts. */
  ofCluster(clusterSlot: number): void {
    const { authorities, clusters } = this.#context;
    if (this.#clustersVersion !== authorities.version) {
      this.#clustersVersion = authorities.version;
      this.#byCluster.length = 0;
    }
    const known = this.#byCluster[clusterSlot];
    if (known !== undefined) {
      this.host = known;
      return;
    }
    const name = Buffer.from(clusters[clusterSlot]?.snapshot.name ?? "", "latin1");
    this.host = this.#table.host(name, 0, name.length);
    this.#byCluster[clusterSlot] = this.host;
  }

  /** @returns the number of the list of rules that {@link host} has for the request's path. */
  listOf(request: RequestNames): number {
    const { replyScratch, engine } = this.#context;
    const { pool, slab } = engine;
    const id = request.pathIntern;
    const key = (this.host << LOW_BITS) | id;
    const at = (id ^ (this.host << 5)) & (PATHS - 1);
    if (id > 0 && this.#pathKey[at] === key && this.#pathGeneration[at] === pool.generation[id])
      return this.#pathList[at]!;
    const length = request.pathLength > LONGEST_PATH_OCTETS ? 0 : request.readPath(replyScratch);
    const list = this.#table.path(this.host, slab.bytes, replyScratch, length);
    if (id > 0) {
      this.#pathKey[at] = key;
      this.#pathGeneration[at] = pool.generation[id]!;
      this.#pathList[at] = list;
    }
    return list;
  }
}
