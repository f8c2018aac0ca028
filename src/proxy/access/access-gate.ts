import type { CallerPod } from "../callers/caller-pod.ts";
import type { ClusterRuntime } from "../cluster-runtime.ts";
import type { ExchangeTable } from "../exchange-table.ts";
import type { EndpointSet } from "../routes/request-routes.ts";
import { AllowedEndpoints } from "./allowed-endpoints.ts";

/** What is known of one pod at one cluster. */
interface KnownPod {
  readonly all: AllowedEndpoints;
  /** With what routes restrict requests to. */
  readonly within: WeakMap<EndpointSet, AllowedEndpoints>;
}

/**
 * Keeps callers from endpoints that policies of the network keep them from: to those, connections come from the proxy's address. Where no policy speaks of the caller or
 * the service, a request costs two looks.
 */
export class AccessGate {
  readonly #exchanges: ExchangeTable;
  readonly #known = new WeakMap<ClusterRuntime, WeakMap<CallerPod, KnownPod>>();
  /** By client stream. */
  readonly #sets: (AllowedEndpoints | undefined)[] = [];
  readonly #pods: (CallerPod | undefined)[] = [];

  constructor(exchanges: ExchangeTable) {
    this.#exchanges = exchanges;
  }

  /** Notes which endpoints a request may have. @param within what its route restricts it to. @returns the policy against it if it may have none, else "". */
  direct(
    slot: number,
    cluster: ClusterRuntime,
    pod: CallerPod | undefined,
    within: EndpointSet | undefined,
  ): string {
    const set = this.find(cluster, pod, within);
    this.#sets[slot] = set;
    this.#pods[slot] = pod;
    return set === undefined ? "" : set.refusal;
  }

  /** @returns what a request is restricted to by {@link direct}; undefined: nothing. */
  endpointsOf(slot: number): EndpointSet | undefined {
    return this.#sets[slot];
  }

  /** @returns what a copy of a request, for another cluster, is restricted to; undefined: nothing. */
  ofCopy(slot: number, cluster: ClusterRuntime): AllowedEndpoints | undefined {
    return this.find(cluster, this.#pods[slot], undefined);
  }

  closed(slot: number): void {
    this.#sets[slot] = undefined;
    this.#pods[slot] = undefined;
  }

  /** @returns the endpoints that the pod may have; undefined: all, and for who is no pod. */
  find(
    cluster: ClusterRuntime,
    pod: CallerPod | undefined,
    within: EndpointSet | undefined,
  ): AllowedEndpoints | undefined {
    if (pod === undefined) return undefined;
    if (pod.isUnrestricted && cluster.snapshot.settings.access === null) return undefined;
    let pods = this.#known.get(cluster);
    if (pods === undefined) {
      pods = new WeakMap();
      this.#known.set(cluster, pods);
    }
    let known = pods.get(pod);
    if (known === undefined) {
      known = { all: this.#make(cluster, pod, undefined), within: new WeakMap() };
      pods.set(pod, known);
    }
    if (known.all.isOpen) return undefined;
    if (within === undefined) return known.all;
    let set = known.within.get(within);
    if (set === undefined) {
      set = this.#make(cluster, pod, within);
      known.within.set(within, set);
    }
    return set;
  }

  #make(cluster: ClusterRuntime, pod: CallerPod, within: EndpointSet | undefined): AllowedEndpoints {
    return new AllowedEndpoints(cluster, this.#exchanges.links, pod, within);
  }
}
