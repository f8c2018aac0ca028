import type { EndpointSliceObject } from "../kube/objects/endpoint-slice-object.ts";

/** EndpointSlices by the Service they belong to. */
export class SliceIndex {
  readonly #byService = new Map<string, Map<string, EndpointSliceObject>>();

  /** @returns the slices of a Service, `namespace/name`. */
  of(service: string): Iterable<EndpointSliceObject> {
    return this.#byService.get(service)?.values() ?? [];
  }

  /** A slice is there, is gone, or belongs to another Service than before. */
  change(previous: EndpointSliceObject | undefined, current: EndpointSliceObject | undefined): void {
    if (previous !== undefined) {
      const slices = this.#byService.get(serviceOf(previous));
      slices?.delete(previous.name);
      if (slices?.size === 0) this.#byService.delete(serviceOf(previous));
    }
    if (current === undefined || current.service === "") return;
    const slices = this.#byService.get(serviceOf(current));
    if (slices === undefined) this.#byService.set(serviceOf(current), new Map([[current.name, current]]));
    else slices.set(current.name, current);
  }

  /** @returns Services with an endpoint on the node; looks at every endpoint there is, which nodes that move are rare enough for. */
  servicesOn(node: string): string[] {
    const services: string[] = [];
    for (const [service, slices] of this.#byService) {
      const has = [...slices.values()].some(({ endpoints }) => endpoints.some((each) => each.node === node));
      if (has) services.push(service);
    }
    return services;
  }

  /** @returns Services with an endpoint at one of the addresses; looks at every endpoint there is. */
  servicesAt(addresses: ReadonlySet<string>): string[] {
    const services: string[] = [];
    for (const [service, slices] of this.#byService) {
      const has = [...slices.values()].some(({ endpoints }) =>
        endpoints.some(({ address }) => addresses.has(address)),
      );
      if (has) services.push(service);
    }
    return services;
  }

  /** @returns whether an endpoint of the Service is the Pod. */
  has(service: string, pod: string): boolean {
    for (const { endpoints } of this.of(service)) if (endpoints.some((each) => each.pod === pod)) return true;
    return false;
  }
}

/** @returns `namespace/name` of the Service a slice belongs to. */
export function serviceOf({ namespace, service }: EndpointSliceObject): string {
  return `${namespace}/${service}`;
}
