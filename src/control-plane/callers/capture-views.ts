import type { CaptureSink } from "../../controller/capture/capture-sink.ts";
import type { CapturedService } from "../../resource/captured-service.ts";
import type { OtherSource } from "../../xds/cache/joined-source.ts";
import type { ResourceChange, ServiceFilter } from "../../xds/cache/resource-source.ts";
import { CAPTURE_VIEW, encodeCaptureView } from "../../xds/resources/capture-view.ts";
import type { ClientView } from "../../xds/resources/client-view.ts";
import { EncodedResource } from "../../xds/resources/encoded-resource.ts";
import { OWN_TYPE_URL } from "../../xds/resources/type-url.ts";

const { captureView } = OWN_TYPE_URL;

/** Which services are captured, for the proxies of all nodes alike. Nothing is said before all Services have been looked at: less would let captured ones go. */
export class CaptureViews implements CaptureSink, OtherSource {
  /** By Service, `namespace/name`. */
  readonly #captured = new Map<string, readonly CapturedService[]>();
  readonly #onChange: ((change: ResourceChange) => void)[] = [];
  #isSettled = false;
  #resource: EncodedResource | undefined;

  /** Ports of all Services that are captured; 0 before they are known. */
  get size(): number {
    let size = 0;
    for (const ports of this.#captured.values()) size += ports.length;
    return size;
  }

  set(service: string, ports: readonly CapturedService[]): void {
    const before = this.#captured.get(service);
    if (JSON.stringify(before ?? []) === JSON.stringify(ports)) return;
    if (ports.length === 0) this.#captured.delete(service);
    else this.#captured.set(service, ports);
    this.#changed();
  }

  settled(): void {
    this.#isSettled = true;
    this.#changed();
  }

  watch(onChange: (change: ResourceChange) => void): void {
    this.#onChange.push(onChange);
  }

  /** Who may have it is decided in {@link find}. */
  serviceOf(): string {
    return "";
  }

  /** @param filter of the client: it is some node's proxy, or nobody has to prove anything. */
  find(
    _type: string,
    name: string,
    { kind }: ClientView,
    filter?: ServiceFilter,
  ): EncodedResource | undefined {
    const isProxy = kind === "isobar" && (filter === undefined || filter.node !== undefined);
    if (!isProxy || !this.#isSettled || name !== CAPTURE_VIEW) return undefined;
    this.#resource ??= new EncodedResource(
      captureView,
      name,
      encodeCaptureView({ name, services: this.#services() }),
    );
    return this.#resource;
  }

  /** In one order everywhere; of two that have an address and port, as while one of them is being deleted, one. */
  #services(): CapturedService[] {
    const services = [...this.#captured.values()].flat();
    services.sort((a, b) => (a.service < b.service ? -1 : 1));
    const taken = new Set<string>();
    return services.filter(({ addresses, port }) => {
      const places = addresses.map((address) => `${address} ${port}`);
      if (places.some((place) => taken.has(place))) return false;
      for (const place of places) taken.add(place);
      return true;
    });
  }

  #changed(): void {
    this.#resource = undefined;
    if (!this.#isSettled) return;
    const change = { service: captureView, resources: [{ type: captureView, name: CAPTURE_VIEW }] };
    for (const each of this.#onChange) each(change);
  }
}
