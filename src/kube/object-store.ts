import type { KubeObject } from "./kube-object.ts";
import { objectKey } from "./kube-object.ts";

/** What became of an object. */
export interface ObjectChange<T extends KubeObject> {
  /** How the API server says it; what a relist finds out is said the same way. */
  readonly verb: "ADDED" | "MODIFIED" | "DELETED";
  /** As it is now; of what was deleted, as it was last. */
  readonly object: T;
  /** As it was before; undefined for what was added. */
  readonly previous: T | undefined;
}

/** What the store needs to know of the objects. */
export interface ObjectStoreOptions<T extends KubeObject> {
  /** Told of every change, after the store has it. Must not throw: what it does throw is given to `onFault`. */
  readonly onChange: (change: ObjectChange<T>) => void;
  /** A listener threw. */
  readonly onFault: (error: unknown, key: string) => void;
  /** Changes that matter to nobody are kept, but not told. Default: all matter. */
  readonly isSame?: ((one: T, other: T) => boolean) | undefined;
}

/** The objects of one kind as they were last heard of, by `namespace/name`. */
export class ObjectStore<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #options: ObjectStoreOptions<T>;

  constructor(options: ObjectStoreOptions<T>) {
    this.#options = options;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  /** Takes an object that is new or has changed. */
  upsert(object: T): void {
    const key = objectKey(object);
    const previous = this.#objects.get(key);
    if (previous?.resourceVersion === object.resourceVersion && previous.uid === object.uid) return;
    this.#objects.set(key, object);
    if (previous !== undefined && previous.uid === object.uid && this.#options.isSame?.(previous, object))
      return;
    this.#tell({ verb: previous === undefined ? "ADDED" : "MODIFIED", object, previous }, key);
  }

  /** Takes an object out, as it was last; nothing happens if it is not there. */
  remove(object: T): void {
    const key = objectKey(object);
    const previous = this.#objects.get(key);
    if (previous === undefined) return;
    this.#objects.delete(key);
    this.#tell({ verb: "DELETED", object, previous }, key);
  }

  /** Takes all objects there are: whatever is not among them has been deleted meanwhile. */
  replace(objects: ReadonlyMap<string, T>): void {
    for (const [key, object] of [...this.#objects]) if (!objects.has(key)) this.remove(object);
    for (const object of objects.values()) this.upsert(object);
  }

  #tell(change: ObjectChange<T>, key: string): void {
    try {
      this.#options.onChange(change);
    } catch (error) {
      this.#options.onFault(error, key);
    }
  }
}
