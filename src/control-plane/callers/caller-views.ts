import type { Random } from "../../base/random.ts";
import type { AccessBook } from "../../controller/access/access-book.ts";
import { readAnnotations } from "../../controller/annotations.ts";
import { callerMode } from "../../controller/opt-in.ts";
import type { OptInBook } from "../../controller/opt-in-book.ts";
import type { Verdicts } from "../../controller/verdicts.ts";
import type { ApiClient } from "../../kube/api-client.ts";
import type { CallingPodObject } from "../../kube/objects/calling-pod-object.ts";
import { CALLING_PODS } from "../../kube/objects/calling-pod-object.ts";
import type { NamespaceObject } from "../../kube/objects/namespace-object.ts";
import type { ReflectorTimes } from "../../kube/reflector.ts";
import type { CallerAccess } from "../../resource/access/access-policy.ts";
import type { Caller } from "../../resource/caller.ts";
import type { Log } from "../../telemetry/log.ts";
import type { OtherSource } from "../../xds/cache/joined-source.ts";
import type { ResourceChange, ServiceFilter } from "../../xds/cache/resource-source.ts";
import { encodeCallerView } from "../../xds/resources/caller-view.ts";
import type { ClientView } from "../../xds/resources/client-view.ts";
import { EncodedResource } from "../../xds/resources/encoded-resource.ts";
import { OWN_TYPE_URL } from "../../xds/resources/type-url.ts";
import type { NodeView } from "../trust/node-pods.ts";
import { NodePods } from "../trust/node-pods.ts";

const { callerView } = OWN_TYPE_URL;

/** What {@link CallerViews} work with. */
export interface CallerViewsOptions {
  readonly api: ApiClient;
  readonly optIn: OptInBook;
  /** The Namespace of a Pod, as it is now. */
  readonly namespace: (name: string) => NamespaceObject | undefined;
  readonly log: Log;
  readonly random: Random;
  /** What NetworkPolicies say; undefined while nothing is known. */
  readonly access: () => AccessBook | undefined;
  /** Where it is said what is wrong with Pods. */
  readonly verdicts: () => Pick<Verdicts, "onPod" | "onPodsOf">;
  /** For tests. */
  readonly times?: ReflectorTimes;
}

interface WatchedNode {
  readonly pods: NodeView<CallingPodObject>;
  /** undefined: to be made when somebody asks. */
  resource: EncodedResource | undefined;
}

/** Nodes at most, so that whoever needs to prove nothing (`--insecure`) cannot make up any number of them. */
const MAX_NODES = 5_000;

/**
 * The pods of each node as callers, for the proxy of that node: who they are, and which way their calls are to go. A node's Pods are read from the API when
 * its proxy asks, in whole, because only a Pod's status has its addresses, and no longer than somebody asks.
 */
export class CallerViews implements OtherSource {
  readonly #options: CallerViewsOptions;
  readonly #pods: NodePods<CallingPodObject>;
  readonly #nodes = new Map<string, WatchedNode>();
  readonly #onChange: ((change: ResourceChange) => void)[] = [];

  constructor(options: CallerViewsOptions) {
    this.#options = options;
    const { api, log, random, optIn, times } = options;
    this.#pods = new NodePods({
      api,
      kind: CALLING_PODS,
      log,
      random,
      ...(times === undefined ? {} : { times }),
      onChange: ({ verb, object }) => {
        if (verb === "DELETED") optIn.forget(object.uid);
        else this.#judge(object);
      },
    });
  }

  /** Nodes whose Pods are watched. */
  get size(): number {
    return this.#nodes.size;
  }

  watch(onChange: (change: ResourceChange) => void): void {
    this.#onChange.push(onChange);
  }

  /** Who may have it is decided in {@link find}. */
  serviceOf(): string {
    return "";
  }

  /** @param filter of the client: it is the node's own proxy, or nobody has to prove anything. */
  find(
    _type: string,
    node: string,
    { kind }: ClientView,
    filter?: ServiceFilter,
  ): EncodedResource | undefined {
    if (kind !== "isobar" || (filter !== undefined && filter.node !== node)) return undefined;
    const watched = this.#nodes.get(node) ?? this.#begin(node);
    if (watched?.pods.isKnown !== true) return undefined;
    watched.resource ??= new EncodedResource(
      callerView,
      node,
      encodeCallerView({ name: node, callers: this.callersOf(watched.pods.pods) }),
    );
    return watched.resource;
  }

  /** NetworkPolicies have changed that bear upon callers. */
  accessChanged(): void {
    for (const [node, watched] of this.#nodes) this.#changed(node, watched);
  }

  /** A Namespace may say something else than before. */
  namespaceChanged(name: string): void {
    for (const [node, watched] of this.#nodes) {
      for (const pod of watched.pods.pods) {
        if (pod.namespace !== name) continue;
        this.#changed(node, watched);
        break;
      }
    }
  }

  /** Lets go of nodes whose proxies do not ask any more; to be called now and then. */
  sweep(isAskedFor: (node: string) => boolean): void {
    for (const [node, { pods }] of this.#nodes) {
      if (isAskedFor(node)) continue;
      this.#nodes.delete(node);
      pods.close();
    }
  }

  async close(): Promise<void> {
    this.#nodes.clear();
    await this.#pods.close();
  }

  /** @returns the callers among Pods of a node, in the order of their UIDs. An address is the last one's that got it. */
  callersOf(pods: Iterable<CallingPodObject>): Caller[] {
    const calling = [...pods].filter(({ isHostNetwork, isFinished }) => !isHostNetwork && !isFinished);
    const owners = new Map<string, CallingPodObject>();
    for (const pod of calling) {
      for (const address of pod.addresses) {
        const other = owners.get(address);
        if (other === undefined || isLater(pod, other)) owners.set(address, pod);
      }
    }
    return calling
      .map((pod): Caller => {
        const { uid, namespace, name, serviceAccount, workload } = pod;
        const optIn = this.#options.optIn.of(pod);
        return {
          ...{ uid, namespace, pod: name, serviceAccount, workload },
          addresses: pod.addresses.filter((address) => owners.get(address) === pod),
          mode: this.#isMeshed(pod) ? "off" : callerMode(optIn, uid),
          failClosed: optIn.failClosed,
          reclaim: optIn.reclaim,
          ...this.#accessOf(pod),
        };
      })
      .sort((a, b) => (a.uid < b.uid ? -1 : 1));
  }

  /** Annotations that are wrong are the Pod's; a mesh is said once of each workload. */
  #judge(pod: CallingPodObject): void {
    const { verdicts, optIn, namespace } = this.#options;
    verdicts().onPod(pod, readAnnotations(pod.annotations, "Pod").problems);
    const object = namespace(pod.namespace);
    if (pod.mesh === "" || object === undefined || optIn.of(pod).mode === "off") return;
    verdicts().onPodsOf(object, "InsideMesh", {
      field: pod.workload || `Pod ${pod.name}`,
      text: `found its Pods inside a mesh (${pod.mesh}), wanted Pods of no other mesh: their calls are left to it; take them out of it, or say isobar.dev/mode: off`,
    });
  }

  /** Of most Pods nothing is to be said: no policy selects them or looks at their labels. */
  #accessOf(pod: CallingPodObject): { readonly access?: CallerAccess } {
    const access = this.#options.access()?.ofCaller(pod);
    if (access === undefined) return {};
    const isPlain = access.egress.length === 0 && Object.keys(access.labels).length === 0;
    return isPlain && Object.keys(access.namespaceLabels).length === 0 ? {} : { access };
  }

  #isMeshed({ mesh, namespace, labels }: CallingPodObject): boolean {
    if (mesh !== "") return true;
    return (
      labels["istio.io/dataplane-mode"] === undefined &&
      this.#options.namespace(namespace)?.mesh === "ambient"
    );
  }

  #begin(node: string): WatchedNode | undefined {
    if (this.#nodes.size >= MAX_NODES) return undefined;
    const pods = this.#pods.watch(node, () => {
      const watched = this.#nodes.get(node);
      if (watched !== undefined) this.#changed(node, watched);
    });
    const watched: WatchedNode = { pods, resource: undefined };
    this.#nodes.set(node, watched);
    return watched;
  }

  #changed(node: string, watched: WatchedNode): void {
    watched.resource = undefined;
    const change = { service: `${callerView} ${node}`, resources: [{ type: callerView, name: node }] };
    for (const each of this.#onChange) each(change);
  }
}

/** Of two Pods with one address: the one that is leaving has lost it, else the older one has. */
function isLater(one: CallingPodObject, other: CallingPodObject): boolean {
  if (one.isLeaving !== other.isLeaving) return other.isLeaving;
  return one.createdMs !== other.createdMs ? one.createdMs > other.createdMs : one.uid > other.uid;
}
