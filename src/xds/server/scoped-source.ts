import type { ResourceChange, ResourceSource, ServiceFilter } from "../cache/resource-source.ts";
import type { ClientView } from "../resources/client-view.ts";
import type { EncodedResource } from "../resources/encoded-resource.ts";
import type { TypeUrl } from "../resources/type-url.ts";
import type { StreamScope } from "./admission.ts";

/** The resources that one stream may have: those of services it may call, and of those their routes lead to. The others do not exist. */
export class ScopedSource implements ResourceSource {
  readonly #source: ResourceSource;
  readonly #scope: StreamScope;
  readonly #onDenied: (service: string) => void;
  /** Services that have been asked for in vain, so that each is told once. */
  readonly #denied = new Set<string>();

  /** @param onDenied told of a service that exists and may not be called, once. */
  constructor(source: ResourceSource, scope: StreamScope, onDenied: (service: string) => void) {
    this.#source = source;
    this.#scope = scope;
    this.#onDenied = onDenied;
  }

  get isSynced(): boolean {
    return this.#source.isSynced && this.#scope.isKnown;
  }

  find(type: TypeUrl, name: string, view: ClientView): EncodedResource | undefined {
    const service = this.#source.serviceOf(type, name);
    if (service === undefined) return undefined;
    if (service === "") return this.#source.find(type, name, view, this.#scope);
    if (this.#mayHave(service)) {
      this.#denied.delete(service);
      return this.#source.find(type, name, view);
    }
    if (!this.#denied.has(service)) {
      this.#denied.add(service);
      this.#onDenied(service);
    }
    return undefined;
  }

  *names(type: TypeUrl, view: ClientView): Iterable<string> {
    for (const name of this.#source.names(type, view)) {
      const service = this.#source.serviceOf(type, name);
      if (service !== undefined && (service === "" || this.#mayHave(service))) yield name;
    }
  }

  serviceOf(type: TypeUrl, name: string): string | undefined {
    return this.#source.serviceOf(type, name);
  }

  leadingTo(service: string): Iterable<string> {
    return this.#source.leadingTo(service);
  }

  watch(onChange: (change: ResourceChange) => void, onSynced: () => void): void {
    this.#source.watch(onChange, onSynced);
  }

  #mayHave(service: string): boolean {
    const filter: ServiceFilter = this.#scope;
    if (filter.mayCall(service)) return true;
    for (const leading of this.#source.leadingTo(service)) if (filter.mayCall(leading)) return true;
    return false;
  }
}
