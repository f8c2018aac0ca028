import { status } from "@grpc/grpc-js";
import { REPLICA_LOADS } from "../../xds/resources/replica-loads.ts";
import type { ClientSession, Refusal, ScopeOwner, StreamScope } from "../../xds/server/admission.ts";
import type { CallRules } from "./call-rules.ts";
import { CallerScope } from "./caller-scope.ts";
import type { ClientIdentity } from "./client-identity.ts";
import type { ClientRole, ClientRoles } from "./client-roles.ts";
import { ListedScope } from "./listed-scope.ts";
import type { NodePods, NodeView } from "./node-pods.ts";

/** What rights are made of. */
export interface AdmissionParts {
  readonly roles: ClientRoles;
  /** Pods of nodes; undefined where there is no Kubernetes to ask. */
  readonly nodePods: NodePods | undefined;
  readonly rules: CallRules;
  /** `opted-in`: what Pods may call that have opted in. `cluster`: everything. */
  readonly scope: "opted-in" | "cluster";
}

/** Longest time a timer takes. */
const MAX_TIMER_MS = 2_147_000_000;

/** A client that has proved who it is, for as long as its stream lasts. */
export class AdmittedClient implements ClientSession {
  readonly #identity: ClientIdentity;
  readonly #parts: AdmissionParts;
  readonly #ends: (() => void)[] = [];
  #owner: ScopeOwner | undefined;
  #role: ClientRole;

  /** @param identity of somebody who has a role. */
  constructor(identity: ClientIdentity, parts: AdmissionParts) {
    this.#identity = identity;
    this.#parts = parts;
    this.#role = parts.roles.of(identity) ?? { kind: "listed", services: [] };
  }

  get who(): string {
    return this.#identity.who;
  }

  enter(node: { readonly id: string }, owner: ScopeOwner): StreamScope | undefined {
    this.#owner = owner;
    this.#ends.push(this.#parts.roles.watch(() => this.#rolesChanged()));
    const role = this.#role;
    if (role.kind === "proxy") return this.#enterProxy(node.id);
    this.#endWithToken();
    if (role.kind === "replica") return ONLY_LOADS;
    if (role.kind === "listed") return new ListedScope(role.services);
    this.#ends.push(this.#parts.rules.watch(() => this.#rolesChanged()));
    return this.#callers(new Set([role.namespace]));
  }

  leave(): void {
    this.#owner = undefined;
    for (const end of this.#ends.splice(0)) end();
  }

  #enterProxy(node: string): StreamScope | undefined {
    const { node: proved, pod } = this.#identity;
    const { nodePods, scope } = this.#parts;
    if (proved !== "" && proved !== node) this.#refuseNode(node, `it runs on node ${proved}`);
    else if (proved === "" && (pod === undefined || nodePods === undefined)) {
      this.#refuseNode(node, "what it shows names no node");
    }
    if (this.#owner === undefined) return undefined;
    if (nodePods === undefined || (scope === "cluster" && proved !== "")) {
      this.#endWithToken();
      return new EverythingOnceKnown(node, true);
    }
    return this.#followNode(node, nodePods);
  }

  /** What a node's proxy may have follows from the Pods of its node; and its own is to be among them. */
  #followNode(node: string, nodePods: NodePods): StreamScope {
    const { rules, scope: wanted } = this.#parts;
    const scope =
      wanted === "cluster" ? new EverythingOnceKnown(node, false) : this.#callers(undefined, node);
    const look = (): void => {
      if (!view.isKnown || this.#owner === undefined) return;
      if (!this.#isOn(node, view)) return;
      const callers = new Set<string>();
      for (const pod of view.pods)
        if (!callers.has(pod.namespace) && rules.isIn(pod)) callers.add(pod.namespace);
      if (scope.set(callers)) this.#owner.changed();
    };
    const view = nodePods.watch(node, look);
    this.#ends.push(() => view.close(), rules.watch(look));
    look();
    return scope;
  }

  /** @returns whether the proxy's own Pod is on the node; a stream whose Pod is not ends. */
  #isOn(node: string, view: NodeView): boolean {
    const { pod, node: proved } = this.#identity;
    if (pod === undefined || view.has(pod.namespace, pod.name, pod.uid)) return true;
    if (proved === "") this.#refuseNode(node, `Pod ${pod.namespace}/${pod.name} does not run there`);
    else {
      this.#refuse({
        code: status.UNAUTHENTICATED,
        reason: "token",
        message: `found a token of Pod ${pod.namespace}/${pod.name}, which is gone; wanted the token of a Pod that runs`,
      });
    }
    return false;
  }

  #callers(callers: ReadonlySet<string> | undefined, node?: string): CallerScope {
    const { rules } = this.#parts;
    const scope = new CallerScope(rules, node);
    if (callers !== undefined) scope.set(callers);
    this.#ends.push(
      rules.watch(() => {
        scope.rulesChanged();
        this.#owner?.changed();
      }),
    );
    return scope;
  }

  #rolesChanged(): void {
    const role = this.#parts.roles.of(this.#identity);
    if (JSON.stringify(role) === JSON.stringify(this.#role)) return;
    this.#refuse({
      code: status.UNAUTHENTICATED,
      reason: "expired",
      message: "what this client may have has changed: a new stream gets what it may have now",
    });
  }

  /** A stream lasts no longer than what it was opened with. Where the Pod is watched that ends with the Pod instead. */
  #endWithToken(): void {
    const { expiresMs } = this.#identity;
    if (Number.isNaN(expiresMs)) return;
    const message = "the token of this stream has expired: a new stream needs a new one";
    const expire = (): void => {
      this.#refuse({ code: status.UNAUTHENTICATED, reason: "expired", message });
    };
    const timer = setTimeout(expire, Math.min(MAX_TIMER_MS, Math.max(0, expiresMs - Date.now())));
    timer.unref();
    this.#ends.push(() => clearTimeout(timer));
  }

  #refuseNode(node: string, found: string): void {
    this.#refuse({
      code: status.PERMISSION_DENIED,
      reason: "node",
      message: `found ${this.who}, wanted the proxy of node "${node}", which the stream names: ${found}; node.id of a proxy has to be its node's name (spec.nodeName)`,
    });
  }

  #refuse(refusal: Refusal): void {
    const owner = this.#owner;
    this.#owner = undefined;
    owner?.refuse(refusal);
  }
}

/** A replica reads the same services itself. */
const ONLY_LOADS: StreamScope = {
  key: "replica",
  isKnown: true,
  mayCall: (service) => service === REPLICA_LOADS,
};

/** A proxy that may have every service, and what is its own node's, as soon as it is known that it is where it says. */
class EverythingOnceKnown implements StreamScope {
  readonly key = "everything";
  readonly node: string;
  isKnown: boolean;

  constructor(node: string, isKnown: boolean) {
    this.node = node;
    this.isKnown = isKnown;
  }

  mayCall(): boolean {
    return true;
  }

  set(): boolean {
    const isNews = !this.isKnown;
    this.isKnown = true;
    return isNews;
  }
}
