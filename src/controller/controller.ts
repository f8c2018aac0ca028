import type { Random } from "../base/random.ts";
import type { KubeObject } from "../kube/kube-object.ts";
import { objectKey } from "../kube/kube-object.ts";
import type { ObjectChange } from "../kube/object-store.ts";
import type { NewCondition } from "../kube/objects/condition.ts";
import type { EndpointSliceObject } from "../kube/objects/endpoint-slice-object.ts";
import type { NetworkPolicyObject } from "../kube/objects/network-policy-object.ts";
import type { NodeObject } from "../kube/objects/node-object.ts";
import type { PodObject } from "../kube/objects/pod-object.ts";
import type { ServiceObject } from "../kube/objects/service-object.ts";
import type { ChangeCause } from "../resource/service.ts";
import type { ServiceSink } from "../resource/service-source.ts";
import type { Log } from "../telemetry/log.ts";
import type { AccessChange } from "./access/access-book.ts";
import { AccessBook } from "./access/access-book.ts";
import { affinityCondition } from "./affinity-condition.ts";
import { AnnotationBook } from "./annotation-book.ts";
import type { ClusterObjects } from "./cluster-objects.ts";
import { isGlobal } from "./is-global.ts";
import { inSpec, PolicyBook } from "./policy-book.ts";
import type { Problem } from "./problem.ts";
import { problemsText } from "./problem.ts";
import { ReconcileQueue } from "./reconcile-queue.ts";
import { BackendResolver, UNRESOLVED_CLUSTER } from "./resolve-backend.ts";
import { RouteBook } from "./route-book.ts";
import { ServiceBook } from "./service-book.ts";
import { serviceModels } from "./service-model.ts";
import { mergeOverrides } from "./service-overrides.ts";
import { SliceIndex, serviceOf } from "./slice-index.ts";
import { unresolvedService } from "./unresolved-service.ts";
import type { Verdicts } from "./verdicts.ts";

/** Condition of Services that carry annotations of ours. */
export const ANNOTATIONS_CONDITION = "isobar.dev/AnnotationsAccepted";

/** What a {@link Controller} works with. */
export interface ControllerOptions {
  readonly objects: ClusterObjects;
  readonly sink: ServiceSink;
  /** Where it says what it thinks of objects. */
  readonly verdicts: Verdicts;
  /** The cluster's DNS domain. */
  readonly domain: string;
  readonly log: Log;
  readonly random: Random;
  /** Whether only Services count that are one with their like in other clusters; default: all. */
  readonly onlyGlobal?: boolean;
  /** Whether Services that say nothing are one with their like in other clusters; default: not. */
  readonly globalByDefault?: boolean;
  /** The Service whose endpoints are the proxies, at their nodes' addresses, `namespace/name`; default: not known. */
  readonly proxies?: string;
  /** Whether all Pods have been listed once; {@link Controller.podsListed} says when. Default: they have. */
  readonly arePodsListed?: () => boolean;
}

/**
 * Turns the objects of a cluster into services. Every change of an object marks keys (`service/…`, `policy/…`, `route/…`); what a key stands
 * for is then made anew of the objects as they are, whatever has happened to them.
 */
export class Controller {
  readonly queue: ReconcileQueue;
  readonly given: ServiceBook;
  readonly #options: ControllerOptions;
  /** What NetworkPolicies say. */
  readonly access: AccessBook;
  readonly #slices = new SliceIndex();
  readonly #annotations = new AnnotationBook();
  readonly #policies = new PolicyBook();
  readonly #routes: RouteBook;
  /** What the next version of a service comes of. */
  readonly #causes = new Map<string, ChangeCause>();
  /** What policies and routes are to be looked at for, by their work. */
  readonly #workCauses = new Map<string, ChangeCause>();
  /** Services whose endpoints look at Pods. */
  readonly #lookAtPods = new Set<string>();
  /** Services of which nothing is made before Pods have been listed. */
  readonly #waitingForPods = new Set<string>();
  /** Services that have lost endpoints although the Pods are still there. */
  readonly #unexplained = new Set<string>();

  constructor(options: ControllerOptions) {
    const { objects, log, random, sink } = options;
    this.#options = options;
    this.given = new ServiceBook(sink);
    this.access = new AccessBook(objects);
    const service = (key: string): ServiceObject | undefined => objects.services.get(key);
    const resolver = new BackendResolver({
      service: (namespace, name) => service(objectKey({ namespace, name })),
      grants: (namespace) => [...objects.grants.values()].filter((grant) => grant.namespace === namespace),
    });
    this.#routes = new RouteBook(resolver, service);
    this.queue = new ReconcileQueue({
      reconcile: (key) => this.#reconcile(key),
      onFault: (error, key, retryInMs) => log.error("a fault of Isobar itself", { key, retryInMs, error }),
      random,
    });
  }

  /** Something happened to a Service. */
  onService(change: ObjectChange<ServiceObject>): void {
    const key = objectKey(change.object);
    this.#mark(key, "Service", change);
    for (const policy of this.#policies.naming(key)) this.queue.add(`policy-status/${policy}`);
    for (const route of this.#routes.naming(key)) this.#take(`route/${route}`, "Service", change);
  }

  onSlice(change: ObjectChange<EndpointSliceObject>): void {
    const { verb, object, previous } = change;
    const current = verb === "DELETED" ? undefined : object;
    this.#slices.change(previous, current);
    if (previous !== undefined && !this.#isExplained(previous, current))
      this.#unexplained.add(serviceOf(previous));
    for (const slice of [object, previous]) {
      if (slice === undefined || slice.service === "") continue;
      this.#mark(serviceOf(slice), "EndpointSlice", change);
      if (serviceOf(slice) === this.#options.proxies) this.#nodesMoved(change);
    }
  }

  #nodesMoved(change: ObjectChange<EndpointSliceObject>): void {
    const proxies = [...this.#slices.of(serviceOf(change.object))];
    const addresses = proxies.flatMap(({ endpoints }) => endpoints.map(({ address }) => address));
    const changed = this.access.setNodes(addresses);
    if (changed.size === 0) return;
    for (const key of this.#slices.servicesAt(changed)) this.#mark(key, "EndpointSlice", change);
  }

  /** Whether there are services that cannot be given before Pods have been listed. */
  get waitsForPods(): boolean {
    return this.#waitingForPods.size > 0;
  }

  /** All Pods have been told of. */
  podsListed(): void {
    for (const key of this.#waitingForPods) this.queue.add(`service/${key}`);
    this.#waitingForPods.clear();
  }

  onNode(change: ObjectChange<NodeObject>): void {
    for (const key of this.#slices.servicesOn(change.object.name)) this.#mark(key, "Node", change);
  }

  onPod(change: ObjectChange<PodObject>): void {
    for (const key of this.#lookAtPods) {
      if (!key.startsWith(`${change.object.namespace}/`)) continue;
      if (this.#slices.has(key, change.object.name)) this.#mark(key, "Pod", change);
    }
  }

  onNamespace(change: ObjectChange<KubeObject>): void {
    const { name } = change.object;
    for (const service of this.#options.objects.services.values()) {
      if (service.namespace === name) this.#mark(objectKey(service), "Namespace", change);
    }
    this.queue.add(`namespace/${name}`);
  }

  /** @returns what it bears upon. */
  onNetworkPolicy(change: ObjectChange<NetworkPolicyObject>): AccessChange {
    const { namespace, isEverywhere } = this.access.change(change);
    for (const service of this.#options.objects.services.values()) {
      if (isEverywhere || service.namespace === namespace)
        this.#mark(objectKey(service), "NetworkPolicy", change);
    }
    return { namespace, isEverywhere };
  }

  onPolicy(change: ObjectChange<KubeObject>): void {
    this.#take(`policy/${objectKey(change.object)}`, "TrafficPolicy", change);
  }

  onRoute(change: ObjectChange<KubeObject>): void {
    this.#take(`route/${objectKey(change.object)}`, "GRPCRoute", change);
  }

  onGrant(change: ObjectChange<KubeObject>): void {
    for (const key of this.#routes.keys()) this.#take(`route/${key}`, "ReferenceGrant", change);
  }

  /** @returns whether every endpoint that a slice has lost had a Pod that is gone too, or going, or had none. */
  #isExplained(previous: EndpointSliceObject, current: EndpointSliceObject | undefined): boolean {
    if (!this.#arePodsListed) return false;
    const left = new Set<string>();
    for (const { uid, readiness } of current?.endpoints ?? []) if (readiness !== "not") left.add(uid);
    return previous.endpoints.every(({ uid, pod, readiness }) => {
      if (readiness === "not" || pod === "" || left.has(uid)) return true;
      const known = this.#options.objects.pods.get(objectKey({ namespace: previous.namespace, name: pod }));
      return known?.uid !== uid || known.isLeaving;
    });
  }

  get #arePodsListed(): boolean {
    return this.#options.arePodsListed?.() ?? true;
  }

  #mark(key: string, kind: string, { verb, object }: ObjectChange<KubeObject>): void {
    this.#causes.set(key, causeOf(kind, { verb, object }));
    this.queue.add(`service/${key}`);
  }

  /** A change whose Services are found out later. */
  #take(work: string, kind: string, change: ObjectChange<KubeObject>): void {
    this.#workCauses.set(work, causeOf(kind, change));
    this.queue.add(work);
  }

  /** Services have to be made anew because of a policy or a route. */
  #pass(work: string, services: Iterable<string>): void {
    const cause = this.#workCauses.get(work);
    this.#workCauses.delete(work);
    for (const service of services) {
      if (cause !== undefined) this.#causes.set(service, cause);
      this.queue.add(`service/${service}`);
    }
  }

  #reconcile(work: string): void {
    const at = work.indexOf("/");
    const key = work.slice(at + 1);
    switch (work.slice(0, at)) {
      case "service":
        this.#reconcileService(key);
        break;
      case "policy":
        this.#reconcilePolicy(key);
        break;
      case "policy-status":
        this.#judgePolicy(key);
        break;
      case "route":
        this.#reconcileRoute(key);
        break;
      default:
        this.#judgeNamespace(key);
    }
  }

  #reconcileService(key: string): void {
    const { objects, domain, verdicts } = this.#options;
    const service = objects.services.get(key);
    const cause = this.#causes.get(key);
    this.#causes.delete(key);
    const isExplained = !this.#unexplained.delete(key);
    if (service === undefined) {
      this.#annotations.forget(`service/${key}`);
      this.#lookAtPods.delete(key);
      this.given.set(key, [], cause);
      return;
    }
    const namespace = objects.namespaces.get(service.namespace);
    const said = this.#annotations.overridesOf([
      ...(namespace === undefined ? [] : [{ key: `namespace/${service.namespace}`, object: namespace }]),
      { key: `service/${key}`, object: service },
    ]);
    const global = isGlobal(service, namespace, this.#options.globalByDefault ?? false);
    if (this.#options.onlyGlobal === true && !global) {
      this.given.set(key, [], cause);
      return;
    }
    const policy = this.#policies.overridesFor(key) ?? {};
    const overrides = mergeOverrides(said.overrides, policy);
    const looksAtPods = (overrides.endpointLabels?.length ?? 0) > 0 || (overrides.weightLabel ?? "") !== "";
    if (looksAtPods || this.access.mattersTo(service.namespace)) {
      this.#lookAtPods.add(key);
      if (!this.#arePodsListed) {
        this.#waitingForPods.add(key);
        if (cause !== undefined) this.#causes.set(key, cause);
        return;
      }
    } else this.#lookAtPods.delete(key);
    const inPods: Problem[] = [];
    const models = serviceModels(
      service,
      {
        slices: [...this.#slices.of(key)],
        around: {
          node: (name) => objects.nodes.get(name),
          pod: (within, name) => objects.pods.get(objectKey({ namespace: within, name })),
        },
        overrides,
        accessOf: (port) => this.access.ofService(service, port, this.#slices.of(key)),
        attachedTo: (port) => this.#routes.attachedTo(key, port),
        domain,
        cause,
        global,
      },
      inPods,
    );
    this.given.set(key, models, cause, isExplained);
    const wrong = [...this.#annotations.problemsOf(`service/${key}`, service), ...said.problems];
    const conditions = [annotationsCondition(service, wrong), affinityCondition(service)];
    const spoken = conditions.filter((each) => each !== undefined);
    verdicts.onService(service, spoken, [...wrong, ...inPods]);
  }

  #reconcilePolicy(key: string): void {
    const object = this.#options.objects.policies.get(key);
    const services = this.#policies.change(key, object);
    this.#pass(`policy/${key}`, services);
    for (const service of services)
      for (const rival of this.#policies.naming(service)) this.queue.add(`policy-status/${rival}`);
    this.queue.add(`policy-status/${key}`);
  }

  #judgePolicy(key: string): void {
    const { objects, verdicts } = this.#options;
    const verdict = this.#policies.judge(key, (service) => objects.services.get(service) !== undefined);
    if (verdict !== undefined) {
      verdicts.onPolicy(verdict.object, verdict.condition, verdict.problems.map(inSpec));
    }
  }

  #reconcileRoute(key: string): void {
    const object = this.#options.objects.routes.get(key);
    this.#pass(`route/${key}`, this.#routes.change(key, object));
    this.given.set(UNRESOLVED_CLUSTER, this.#routes.size > 0 ? [unresolvedService()] : []);
    const verdict = this.#routes.judge(key);
    if (verdict === undefined) return;
    this.#options.verdicts.onRoute(verdict.object, verdict.verdicts, verdict.problems);
  }

  #judgeNamespace(name: string): void {
    const { objects, verdicts } = this.#options;
    const namespace = objects.namespaces.get(name);
    if (namespace === undefined) this.#annotations.forget(`namespace/${name}`);
    else verdicts.onNamespace(namespace, this.#annotations.problemsOf(`namespace/${name}`, namespace));
  }
}

function causeOf(kind: string, change: Pick<ObjectChange<KubeObject>, "verb" | "object">): ChangeCause {
  const { verb, object } = change;
  const { resourceVersion, manager } = object;
  return { object: `${kind} ${objectKey(object)}`, resourceVersion, verb, fieldManager: manager };
}

/** @returns undefined where there is nothing to say: a Service without annotations of ours gets no status of ours. */
function annotationsCondition(
  service: ServiceObject,
  problems: readonly Problem[],
): NewCondition | undefined {
  const said = service.conditions.some(({ type }) => type === ANNOTATIONS_CONDITION);
  if (problems.length === 0 && !said) return undefined;
  return {
    type: ANNOTATIONS_CONDITION,
    status: problems.length === 0 ? "True" : "False",
    reason: problems.length === 0 ? "Accepted" : "Invalid",
    message:
      problems.length === 0
        ? "in force"
        : `${problemsText(problems)}; what it last said when it was good stays in force`,
    observedGeneration: service.generation,
  };
}
