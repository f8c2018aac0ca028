import type { ServicePart } from "./service-state.ts";

/** A version of a resource that clients have: shared by all who were given it of one state of the services. */
export interface HeldVersion {
  /** "" when the client knows that there is none. */
  readonly version: string;
  /** Number of the newest record when it was sent; 0: not known. */
  readonly of: number;
}

/** A resource and who has which version of it. */
export interface ResourceBelief {
  readonly part: ServicePart;
  readonly name: string;
  /** By stream. */
  readonly by: Map<number, HeldVersion>;
}

/** What all open streams have accepted. Only what somebody has takes room. */
export class ClientBeliefs {
  readonly #resources = new Map<string, ResourceBelief>();
  readonly #byStream = new Map<number, Set<ResourceBelief>>();

  /** @returns the resource, to be looked at or taken into {@link accept}. */
  resource(part: ServicePart, name: string): ResourceBelief {
    const key = `${part} ${name}`;
    let resource = this.#resources.get(key);
    if (resource === undefined) {
      resource = { part, name, by: new Map() };
      this.#resources.set(key, resource);
    }
    return resource;
  }

  get(part: ServicePart, name: string, stream: number): HeldVersion | undefined {
    return this.#resources.get(`${part} ${name}`)?.by.get(stream);
  }

  accept(stream: number, part: ServicePart, name: string, held: HeldVersion): void {
    const resource = this.resource(part, name);
    resource.by.set(stream, held);
    const known = this.#byStream.get(stream);
    if (known === undefined) this.#byStream.set(stream, new Set([resource]));
    else known.add(resource);
  }

  drop(stream: number, part: ServicePart, name: string): void {
    const resource = this.#resources.get(`${part} ${name}`);
    if (resource === undefined) return;
    this.#remove(stream, resource);
    this.#byStream.get(stream)?.delete(resource);
  }

  /** Forgets a stream that has ended. */
  forget(stream: number): void {
    for (const resource of this.#byStream.get(stream) ?? []) this.#remove(stream, resource);
    this.#byStream.delete(stream);
  }

  /** @returns all that a stream has. */
  of(stream: number): Iterable<ResourceBelief> {
    return this.#byStream.get(stream) ?? [];
  }

  /** @returns all resources that somebody has. */
  all(): Iterable<ResourceBelief> {
    return this.#resources.values();
  }

  #remove(stream: number, resource: ResourceBelief): void {
    resource.by.delete(stream);
    if (resource.by.size === 0) this.#resources.delete(`${resource.part} ${resource.name}`);
  }
}
