import { objectKey } from "../../kube/kube-object.ts";
import type { ObjectChange } from "../../kube/object-store.ts";
import type { EndpointSliceObject } from "../../kube/objects/endpoint-slice-object.ts";
import type { NetworkPolicyObject, NetworkPolicyRule } from "../../kube/objects/network-policy-object.ts";
import type { ServiceObject, ServicePort } from "../../kube/objects/service-object.ts";
import type {
  AccessPolicy,
  CallerAccess,
  EndpointClass,
  Selector,
  ServiceAccess,
} from "../../resource/access/access-policy.ts";
import { matchesSelector } from "../../resource/access/matches-selector.ts";
import type { ClusterObjects } from "../cluster-objects.ts";

type Labels = Readonly<Record<string, string>>;

/** What a change of a NetworkPolicy bears upon: the Services of its namespace, and, where it speaks of egress, every Service and caller. */
export interface AccessChange {
  readonly namespace: string;
  readonly isEverywhere: boolean;
}

/**
 * NetworkPolicies, as far as they bear upon services and those who call them. Of labels only those are told that some policy looks at: pods that differ in
 * nothing else are alike.
 */
export class AccessBook {
  readonly #objects: Pick<ClusterObjects, "pods" | "namespaces">;
  readonly #byNamespace = new Map<string, Map<string, NetworkPolicyObject>>();
  /** Addresses of nodes. */
  #nodes: ReadonlySet<string> = new Set();
  #egressPolicies = 0;
  /** Labels that policies look at: of Pods that call, of those that are called, and of Namespaces. */
  #keys = { callers: new Set<string>(), called: new Set<string>(), namespaces: new Set<string>() };

  constructor(objects: Pick<ClusterObjects, "pods" | "namespaces">) {
    this.#objects = objects;
  }

  /** Whether policies bear upon endpoints of the namespace, so that their Pods have to be looked at. */
  mattersTo(namespace: string): boolean {
    return this.#egressPolicies > 0 || this.#byNamespace.has(namespace);
  }

  /**
   * Takes the addresses of nodes, as far as they are known. A Pod that has its node's address is in its node's network, where
   * network plugins apply no policy to it, and where selectors of others do not find it: what it sends and gets are the node's.
   *
   * @returns addresses that are nodes' now and were not, or the other way round, where policies could make that matter.
   */
  setNodes(addresses: Iterable<string>): ReadonlySet<string> {
    const before = this.#nodes;
    const after = new Set(addresses);
    this.#nodes = after;
    if (this.#byNamespace.size === 0) return new Set();
    const changed = [...before, ...after].filter((each) => before.has(each) !== after.has(each));
    return new Set(changed);
  }

  /** Whether the address is a node's. */
  isNode(address: string): boolean {
    return this.#nodes.has(address);
  }

  change({ verb, object, previous }: ObjectChange<NetworkPolicyObject>): AccessChange {
    const current = verb === "DELETED" ? undefined : object;
    const policies = this.#byNamespace.get(object.namespace) ?? new Map<string, NetworkPolicyObject>();
    if (current === undefined) policies.delete(object.name);
    else policies.set(object.name, current);
    if (policies.size === 0) this.#byNamespace.delete(object.namespace);
    else this.#byNamespace.set(object.namespace, policies);
    const had = previous?.egress !== undefined;
    const has = current?.egress !== undefined;
    this.#egressPolicies += Number(has) - Number(had);
    const before = keysText(this.#keys);
    this.#findKeys();
    return {
      namespace: object.namespace,
      isEverywhere: had || has || keysText(this.#keys) !== before,
    };
  }

  /** @returns policies that select the Pod for ingress. */
  ingressOf(namespace: string, labels: Labels): AccessPolicy[] {
    return this.#selecting(namespace, labels, "ingress");
  }

  /** @returns what policies say of a Pod that calls. */
  ofCaller({ namespace, labels }: { readonly namespace: string; readonly labels: Labels }): CallerAccess {
    return {
      labels: some(labels, this.#keys.callers),
      namespaceLabels: this.#namespaceLabels(namespace),
      egress: this.#selecting(namespace, labels, "egress"),
    };
  }

  /** @returns what policies say of a Service's endpoints; null where there are none that could say anything. */
  ofService(
    service: ServiceObject,
    port: ServicePort,
    slices: Iterable<EndpointSliceObject>,
  ): ServiceAccess | null {
    const { namespace } = service;
    if (!this.mattersTo(namespace)) return null;
    const ingress: AccessPolicy[] = [];
    const classes: EndpointClass[] = [];
    const numbers = new Map<string, number>();
    const members: Record<string, number> = {};
    const namespaceLabels = this.#namespaceLabels(namespace);
    for (const { address, labels } of this.#endpointsOf(namespace, slices)) {
      const selecting = labels === undefined ? [] : this.ingressOf(namespace, labels);
      const indexes = selecting.map((policy) => indexIn(ingress, policy));
      const shown = labels === undefined ? {} : some(labels, this.#keys.called);
      const key = JSON.stringify([labels === undefined, indexes, shown]);
      const number = numbers.get(key) ?? numbers.size;
      if (number === numbers.size) {
        numbers.set(key, number);
        const isPod = labels !== undefined;
        classes.push({
          namespace: isPod ? namespace : "",
          labels: shown,
          namespaceLabels: isPod ? namespaceLabels : {},
          ingress: indexes,
        });
      }
      if (number > 0) members[address] = number;
    }
    const says = this.#egressPolicies > 0 || ingress.length > 0;
    return says
      ? { ingress, classes, members, portNames: port.targetName === "" ? [] : [port.targetName] }
      : null;
  }

  /** In the order of their addresses, so that every replica numbers classes alike. */
  #endpointsOf(
    namespace: string,
    slices: Iterable<EndpointSliceObject>,
  ): { readonly address: string; readonly labels: Labels | undefined }[] {
    const endpoints = [...slices].flatMap((slice) =>
      slice.endpoints.map(({ address, pod, uid }) => {
        const object = pod === "" ? undefined : this.#objects.pods.get(objectKey({ namespace, name: pod }));
        const isPod = object?.uid === uid && !this.isNode(address);
        return { address, labels: isPod ? object?.labels : undefined };
      }),
    );
    return endpoints.sort((a, b) => (a.address < b.address ? -1 : 1));
  }

  #selecting(namespace: string, labels: Labels, direction: "ingress" | "egress"): AccessPolicy[] {
    const selecting: AccessPolicy[] = [];
    for (const policy of this.#byNamespace.get(namespace)?.values() ?? []) {
      const rules = policy[direction];
      if (rules !== undefined && matchesSelector(policy.podSelector, labels))
        selecting.push({ name: objectKey(policy), namespace, rules });
    }
    return selecting.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #namespaceLabels(namespace: string): Labels {
    return some(this.#objects.namespaces.get(namespace)?.labels ?? {}, this.#keys.namespaces);
  }

  #findKeys(): void {
    const keys = { callers: new Set<string>(), called: new Set<string>(), namespaces: new Set<string>() };
    const note = (rules: readonly NetworkPolicyRule[], pods: Set<string>): void => {
      for (const { podSelector, namespaceSelector } of rules.flatMap(({ peers }) => peers)) {
        noteKeys(podSelector, pods);
        noteKeys(namespaceSelector, keys.namespaces);
      }
    };
    for (const policies of this.#byNamespace.values()) {
      for (const { ingress = [], egress = [] } of policies.values()) {
        note(ingress, keys.callers);
        note(egress, keys.called);
      }
    }
    this.#keys = keys;
  }
}

function noteKeys(selector: Selector | undefined, keys: Set<string>): void {
  for (const key of Object.keys(selector?.matchLabels ?? {})) keys.add(key);
  for (const { key } of selector?.matchExpressions ?? []) keys.add(key);
}

function keysText(keys: Readonly<Record<string, ReadonlySet<string>>>): string {
  return JSON.stringify(Object.values(keys).map((each) => [...each].sort()));
}

function some(labels: Labels, keys: ReadonlySet<string>): Labels {
  const kept: Record<string, string> = {};
  for (const key of [...keys].sort()) if (Object.hasOwn(labels, key)) kept[key] = labels[key]!;
  return kept;
}

function indexIn(policies: AccessPolicy[], policy: AccessPolicy): number {
  const known = policies.findIndex(({ name }) => name === policy.name);
  return known >= 0 ? known : policies.push(policy) - 1;
}
