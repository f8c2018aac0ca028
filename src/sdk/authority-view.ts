import type { Random } from "../base/random.ts";
import { GrpcStatus } from "../grpc/status.ts";
import type { TieredPicker } from "../lb/tiered-picker.ts";
import type { AuthorityTarget } from "../xds/client/resolve-authority.ts";
import type { HostRoute } from "../xds/resources/xds-resource.ts";
import type { HeaderReader } from "./call-headers.ts";
import type { ClusterBalance } from "./cluster-balance.ts";
import type { ChosenRoute } from "./compiled-routes.ts";
import { CompiledRoutes } from "./compiled-routes.ts";
import type { CallMethodConfig } from "./method-config.ts";
import { isHedged, methodConfigOf } from "./method-config.ts";

/** Where a call goes. */
export type Destination =
  /** To an endpoint of this cluster. */
  | {
      readonly kind: "cluster";
      readonly cluster: ClusterBalance;
      /** What it is picked with; undefined: with what the cluster has at the moment of the pick. */
      readonly tiered: TieredPicker | undefined;
      /** What brought it there; null where all calls of the authority go there. */
      readonly route: HostRoute | null;
    }
  /** To the proxy of the node, which knows where it goes. */
  | { readonly kind: "node" }
  /** Nowhere. */
  | { readonly kind: "none"; readonly code: number; readonly reason: string };

/** How far an authority is known. */
export type AuthorityState = "asking" | "node" | "unreachable" | "cluster" | "routes" | "absent";

/** What an {@link AuthorityView} works with. */
export interface AuthorityViewOptions {
  readonly clusters: ReadonlyMap<string, ClusterBalance>;
  readonly random: Random;
  /** Stands for this process where calls are told apart by their source. */
  readonly self: string;
}

const NODE: Destination = { kind: "node" };

/** One authority that channels are open for: what is known of it, and where its calls go. */
export class AuthorityView {
  readonly name: string;
  state: AuthorityState = "asking";
  /** Why, where it is `unreachable` or `absent`. */
  reason = "";
  /** Changes with everything that may send calls elsewhere. */
  version = 0;
  /** Channels that are open for it. */
  users = 0;
  readonly #options: AuthorityViewOptions;
  readonly #listeners = new Set<() => void>();
  readonly #configs = new WeakMap<object, CallMethodConfig>();
  readonly #hedgedConfigs = new WeakMap<object, CallMethodConfig>();
  #clusterName = "";
  #routes: CompiledRoutes | undefined;
  #names: ReadonlySet<string> = new Set();

  constructor(name: string, options: AuthorityViewOptions) {
    this.name = name;
    this.#options = options;
  }

  /** Names of the clusters that its calls may go to. */
  get clusterNames(): ReadonlySet<string> {
    return this.#names;
  }

  /** Is told of every change. @returns what ends that. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes what the control plane says. */
  take(target: AuthorityTarget): void {
    this.reason = "";
    this.#routes = undefined;
    if (target.kind === "absent") {
      this.#names = new Set();
      this.#become("absent", target.reason);
    } else if (target.kind === "cluster") {
      this.#clusterName = target.cluster;
      this.#names = new Set([target.cluster]);
      this.#become("cluster", "");
    } else {
      this.#routes = new CompiledRoutes(target.routes);
      this.#names = new Set(target.routes.flatMap(({ clusters }) => clusters.map(({ name }) => name)));
      this.#become("routes", "");
    }
  }

  /** Nothing has been said in time: calls go to the node's proxy, or fail with the reason if there is none. */
  giveUpWaiting(reason: string): void {
    if (this.state !== "asking" && this.state !== "unreachable") return;
    this.#become(reason === "" ? "node" : "unreachable", reason);
  }

  /** One of its clusters has changed. */
  clusterChanged(name: string): void {
    if (this.#names.has(name)) this.#become(this.state, this.reason);
  }

  /** @returns where a call goes. */
  destinationOf(method: string, header: HeaderReader): Destination {
    const { clusters, random, self } = this.#options;
    switch (this.state) {
      case "asking":
      case "node":
        return NODE;
      case "unreachable":
        return this.#nowhere(GrpcStatus.unavailable, this.reason);
      case "absent":
        return this.#nowhere(GrpcStatus.unavailable, `there is no such service: ${this.reason}`);
      case "cluster": {
        const cluster = clusters.get(this.#clusterName);
        if (cluster === undefined) return this.#nowhere(GrpcStatus.unavailable, "its cluster is gone");
        return { kind: "cluster", cluster, tiered: undefined, route: null };
      }
      case "routes":
        return this.#routed(this.#routes!.choose(method, header, self, random), header);
    }
  }

  /** @returns time limit, retries and hedges of calls that go there. @param method `/package.Service/Method`. */
  methodConfigOf(destination: Destination, method: string): CallMethodConfig {
    if (destination.kind !== "cluster") return NO_CONFIG;
    const { settings } = destination.cluster.snapshot;
    const policy = destination.route?.policy ?? null;
    // Settings are immutable, and those of one snapshot one object: what is made of them is made once.
    const key = policy ?? settings;
    const { hedging } = settings;
    const hedges = hedging !== null && isHedged(hedging, method);
    const configs = hedges ? this.#hedgedConfigs : this.#configs;
    const known = policy === null ? configs.get(key) : undefined;
    if (known !== undefined) return known;
    const retries = policy?.retries === undefined ? settings.retries : policy.retries;
    const config = methodConfigOf(policy?.timeouts ?? settings.timeouts, retries, hedges ? hedging : null);
    if (policy === null) configs.set(key, config);
    return config;
  }

  /** @returns limits of retries in the words of a service config; undefined while nothing is retried. */
  get retryThrottling(): { readonly maxTokens: number; readonly tokenRatio: number } | undefined {
    for (const name of this.#names) {
      const { retries, retryBudget } = this.#options.clusters.get(name)?.snapshot.settings ?? {};
      if (retryBudget === undefined || retries === undefined) continue;
      // Half of the tokens may be used up at once: as many as the budget allows in a second in any case.
      const maxTokens = Math.min(1_000, Math.max(2, 2 * Math.round(retryBudget.minPerSecond)));
      return { maxTokens, tokenRatio: Math.max(0.001, retryBudget.share) };
    }
    return undefined;
  }

  #routed(chosen: ChosenRoute | undefined, header: HeaderReader): Destination {
    if (chosen === undefined) return this.#nowhere(GrpcStatus.unimplemented, "no route is for this call");
    const cluster = this.#options.clusters.get(chosen.cluster);
    if (cluster === undefined)
      return this.#nowhere(GrpcStatus.unavailable, `cluster ${chosen.cluster} is gone`);
    const { route } = chosen;
    if (route.endpoints === null) return { kind: "cluster", cluster, tiered: undefined, route };
    const tiered = cluster.labelled(route.endpoints, header);
    if (tiered === undefined) {
      const wanted = `cluster ${chosen.cluster} has no endpoint with the labels of route ${route.name}`;
      return this.#nowhere(GrpcStatus.unavailable, wanted);
    }
    return { kind: "cluster", cluster, tiered, route };
  }

  #nowhere(code: number, reason: string): Destination {
    return { kind: "none", code, reason: `isobar: ${this.name}: ${reason}` };
  }

  #become(state: AuthorityState, reason: string): void {
    this.state = state;
    this.reason = reason;
    this.version++;
    for (const listener of [...this.#listeners]) listener();
  }
}

const NO_CONFIG: CallMethodConfig = { name: [] };
