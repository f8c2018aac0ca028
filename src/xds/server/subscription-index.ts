import type { TypeUrl } from "../resources/type-url.ts";

/** Who wants to know of a resource: by its name, or because they want all of its type. */
export class SubscriptionIndex<Subscriber> {
  readonly #byName = new Map<TypeUrl, Map<string, Set<Subscriber>>>();
  readonly #ofAll = new Map<TypeUrl, Set<Subscriber>>();

  add(type: TypeUrl, name: string, subscriber: Subscriber): void {
    let names = this.#byName.get(type);
    if (names === undefined) {
      names = new Map();
      this.#byName.set(type, names);
    }
    const subscribers = names.get(name);
    if (subscribers === undefined) names.set(name, new Set([subscriber]));
    else subscribers.add(subscriber);
  }

  delete(type: TypeUrl, name: string, subscriber: Subscriber): void {
    const names = this.#byName.get(type);
    const subscribers = names?.get(name);
    if (subscribers?.delete(subscriber) === true && subscribers.size === 0) names!.delete(name);
  }

  addAll(type: TypeUrl, subscriber: Subscriber): void {
    const subscribers = this.#ofAll.get(type);
    if (subscribers === undefined) this.#ofAll.set(type, new Set([subscriber]));
    else subscribers.add(subscriber);
  }

  deleteAll(type: TypeUrl, subscriber: Subscriber): void {
    this.#ofAll.get(type)?.delete(subscriber);
  }

  /** @returns how many ask for it by its name. */
  count(type: TypeUrl, name: string): number {
    return this.#byName.get(type)?.get(name)?.size ?? 0;
  }

  /** Calls for each of them; one that wants all and this name too may be called twice. */
  forEach(type: TypeUrl, name: string, call: (subscriber: Subscriber) => void): void {
    this.#byName.get(type)?.get(name)?.forEach(call);
    this.#ofAll.get(type)?.forEach(call);
  }
}
