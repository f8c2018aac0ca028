import type { ClientView } from "../resources/client-view.ts";
import type { EncodedResource } from "../resources/encoded-resource.ts";
import type { TypeUrl } from "../resources/type-url.ts";
import type { ResourceChange, ResourceSource, ServiceFilter } from "./resource-source.ts";

/** Where resources of some types come from beside the main source. */
export type OtherSource = Pick<ResourceSource, "find" | "serviceOf"> & {
  watch(onChange: (change: ResourceChange) => void): void;
};

/** Resources of several types from where each comes from. */
export class JoinedSource implements ResourceSource {
  readonly #main: ResourceSource;
  readonly #others: ReadonlyMap<TypeUrl, OtherSource>;

  /** @param main where everything else comes from, and what there has to be before anything is answered. */
  constructor(main: ResourceSource, others: ReadonlyMap<TypeUrl, OtherSource>) {
    this.#main = main;
    this.#others = others;
  }

  get isSynced(): boolean {
    return this.#main.isSynced;
  }

  find(type: TypeUrl, name: string, view: ClientView, filter?: ServiceFilter): EncodedResource | undefined {
    return (this.#others.get(type) ?? this.#main).find(type, name, view, filter);
  }

  /** Nobody gets all of what is not from the main source: it is asked for by name. */
  names(type: TypeUrl, view: ClientView): Iterable<string> {
    return this.#others.has(type) ? [] : this.#main.names(type, view);
  }

  serviceOf(type: TypeUrl, name: string): string | undefined {
    return (this.#others.get(type) ?? this.#main).serviceOf(type, name);
  }

  leadingTo(service: string): Iterable<string> {
    return this.#main.leadingTo(service);
  }

  watch(onChange: (change: ResourceChange) => void, onSynced: () => void): void {
    this.#main.watch(onChange, onSynced);
    for (const each of new Set(this.#others.values())) each.watch(onChange);
  }
}
