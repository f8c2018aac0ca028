import type { Endpoint } from "../../resource/endpoint.ts";
import { endpointHash } from "../resources/service-view.ts";
import type { ClusterLoad } from "./load-stats.ts";

/** What callers have said of one endpoint since it was first named. */
export interface EndpointTotal {
  /** Requests begun, and ended in an error. */
  issued: number;
  errors: number;
}

/** Endpoints of all services that something is kept of: callers may name any. */
const MAX_ENDPOINTS = 200_000;
/** Endpoints of one service that are not listed (any more) and are kept all the same: what a caller makes up takes no other service's room. */
const SPARE_ENDPOINTS = 64;

/**
 * Adds up what callers report of single endpoints, by service. A caller that goes leaves what it said: totals only grow, until the service or the
 * endpoint goes.
 */
export class EndpointTotals {
  readonly #services = new Map<string, Map<number, EndpointTotal>>();
  readonly #max: number;
  #size = 0;

  /** @param max endpoints that something is kept of; of what is beyond nothing is. */
  constructor(max = MAX_ENDPOINTS) {
    this.#max = max;
  }

  /** Services of which something was said. */
  get services(): Iterable<string> {
    return this.#services.keys();
  }

  /** @returns by {@link endpointHash} what was said; undefined where nothing was. */
  of(service: string): ReadonlyMap<number, Readonly<EndpointTotal>> | undefined {
    return this.#services.get(service);
  }

  /** Takes one report. @param endpoints how many the service has. */
  add({ name, counts }: ClusterLoad, endpoints: number): void {
    if (counts.length === 0) return;
    const most = 2 * endpoints + SPARE_ENDPOINTS;
    let service = this.#services.get(name);
    if (service === undefined) {
      service = new Map();
      this.#services.set(name, service);
    }
    for (let i = 0; i < counts.length; i += 3) {
      const hash = counts[i]!;
      const total = service.get(hash);
      if (total !== undefined) {
        total.issued += counts[i + 1]!;
        total.errors += counts[i + 2]!;
      } else if (this.#size < this.#max && service.size < most) {
        service.set(hash, { issued: counts[i + 1]!, errors: counts[i + 2]! });
        this.#size++;
      }
    }
  }

  /** The service has these endpoints now: what was said of others is forgotten. */
  keep(name: string, endpoints: readonly Endpoint[]): void {
    const service = this.#services.get(name);
    if (service === undefined) return;
    const kept = new Set(endpoints.map(({ address, port }) => endpointHash(address, port)));
    for (const hash of service.keys()) if (!kept.has(hash) && service.delete(hash)) this.#size--;
  }

  remove(name: string): void {
    this.#size -= this.#services.get(name)?.size ?? 0;
    this.#services.delete(name);
  }
}
