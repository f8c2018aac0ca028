import type { ClusterObjects } from "../../controller/cluster-objects.ts";
import type { CallerObject } from "../../kube/objects/caller-object.ts";

/** Values of `isobar.dev/mode` with which a Pod's calls go through its node's proxy. */
const OPTED_IN: readonly string[] = ["transparent", "proxy-env", "address"];
const MODE = "mode";
const CALLABLE_FROM = "callable-from";
/** `name.namespace:port`; a Service's name has no dot. */
const SERVICE = /^([^.]+)\.([^.:]+):\d+$/;

/** Who may call whom in a cluster, as annotations of its Namespaces, Pods and Services say it. */
export class CallRules {
  readonly #objects: () => ClusterObjects | undefined;
  readonly #onChange = new Set<() => void>();
  #isTold = true;

  /** @param objects what is known of the cluster, as it is at the moment. */
  constructor(objects: () => ClusterObjects | undefined) {
    this.#objects = objects;
  }

  /** @returns whether Pods of the namespace are opted in that do not say otherwise themselves. */
  isNamespaceIn(namespace: string): boolean {
    const mode = this.#objects()?.namespaces.get(namespace)?.annotations[MODE] ?? "";
    return OPTED_IN.includes(mode);
  }

  /** @returns whether the Pod's calls go through its node's proxy. */
  isIn({ namespace, mode }: CallerObject): boolean {
    return mode === "" ? this.isNamespaceIn(namespace) : OPTED_IN.includes(mode);
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
    const isSame = [MODE, CALLABLE_FROM].every(
      (name) => previous?.annotations[name] === current?.annotations[name],
    );
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
