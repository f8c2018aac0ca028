import type { ClusterObjects } from "../../controller/cluster-objects.ts";
import { callerMode } from "../../controller/opt-in.ts";
import { OptInBook } from "../../controller/opt-in-book.ts";
import type { CallerObject } from "../../kube/objects/caller-object.ts";

const CALLABLE_FROM = "callable-from";
/** Annotations of which the rules are made. */
const SAID = ["mode", "percent", CALLABLE_FROM];
/** `name.namespace:port`; a Service's name has no dot. */
const SERVICE = /^([^.]+)\.([^.:]+):\d+$/;

/** Who may call whom in a cluster, as annotations of its Namespaces, Pods and Services say it. */
export class CallRules {
  readonly #objects: () => ClusterObjects | undefined;
  readonly #onChange = new Set<() => void>();
  readonly #optIn: OptInBook;
  #isTold = true;

  /**
   * @param objects what is known of the cluster, as it is at the moment.
   * @param optIn who is opted in there; default: a book of its own.
   */
  constructor(objects: () => ClusterObjects | undefined, optIn?: OptInBook) {
    this.#objects = objects;
    this.#optIn = optIn ?? new OptInBook((name) => objects()?.namespaces.get(name));
  }

  /** @returns whether Pods of the namespace are opted in that do not say otherwise themselves. */
  isNamespaceIn(namespace: string): boolean {
    return this.#optIn.ofNamespace(namespace).mode !== "off";
  }

  /** @returns whether the Pod's calls go through its node's proxy. */
  isIn(pod: CallerObject): boolean {
    return callerMode(this.#optIn.of(pod), pod.uid) !== "off";
  }

  /** @returns whether Pods of one of these namespaces may call the service. @param service canonical name. */
  mayCall(callers: ReadonlySet<string>, service: string): boolean {
    if (callers.size === 0) return false;
    const [, name = "", namespace = ""] = SERVICE.exec(service) ?? [];
    const objects = this.#objects();
    const said =
      objects?.services.get(`${namespace}/${name}`)?.annotations[CALLABLE_FROM] ??
      objects?.namespaces.get(namespace)?.annotations[CALLABLE_FROM];
    if (said === undefined) return true;
    if (said.trim() === "none") return false;
    for (const each of said.split(",")) {
      const caller = each.trim();
      if (caller === "*" || callers.has(caller)) return true;
    }
    return false;
  }

  /** @returns ends it. */
  watch(onChange: () => void): () => void {
    this.#onChange.add(onChange);
    return () => this.#onChange.delete(onChange);
  }

  /** To be called when a Namespace or Service has changed. */
  changed(previous: Annotated | undefined, current: Annotated | undefined): void {
    const isSame = SAID.every((name) => previous?.annotations[name] === current?.annotations[name]);
    if (isSame || !this.#isTold) return;
    this.#isTold = false;
    setImmediate(() => {
      this.#isTold = true;
      for (const call of [...this.#onChange]) call();
    });
  }
}

interface Annotated {
  readonly annotations: Readonly<Record<string, string>>;
}
