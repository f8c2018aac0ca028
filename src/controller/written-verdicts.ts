import { configVersion } from "../config/config-version.ts";
import type { KubeObject } from "../kube/kube-object.ts";
import { objectKey } from "../kube/kube-object.ts";
import { CALLERS } from "../kube/objects/caller-object.ts";
import type { Condition, NewCondition } from "../kube/objects/condition.ts";
import type {
  GrpcRouteObject,
  RouteParentStatus,
  RouteReference,
} from "../kube/objects/grpc-route-object.ts";
import { GRPC_ROUTES } from "../kube/objects/grpc-route-object.ts";
import type { NamespaceObject } from "../kube/objects/namespace-object.ts";
import { NAMESPACES } from "../kube/objects/namespace-object.ts";
import type { ServiceObject } from "../kube/objects/service-object.ts";
import { SERVICES } from "../kube/objects/service-object.ts";
import type { TrafficPolicyObject } from "../kube/objects/traffic-policy-object.ts";
import { TRAFFIC_POLICIES } from "../kube/objects/traffic-policy-object.ts";
import type { ResourceKind } from "../kube/resource-kind.ts";
import { apiVersionOf, resourcePath } from "../kube/resource-kind.ts";
import { AFFINITY_CONDITION } from "./affinity-condition.ts";
import type { ClusterObjects } from "./cluster-objects.ts";
import type { Problem } from "./problem.ts";
import { problemsText } from "./problem.ts";
import type { ParentVerdict } from "./route-book.ts";
import type { StatusWriter } from "./status-writer.ts";
import type { Verdicts } from "./verdicts.ts";

/** Who we are among the controllers of a cluster. Source: Gateway API, GatewayController. */
export const CONTROLLER_NAME = "isobar.dev/control-plane";

/** Events remembered, so that the same is not said twice. */
const MOST_EVENTS = 4_096;

/** Writes verdicts into statuses, and an Event for each new problem. Nothing is written that stands there already. */
export class WrittenVerdicts implements Verdicts {
  readonly #writer: StatusWriter;
  readonly #objects: ClusterObjects;
  readonly #nowMs: () => number;
  readonly #said = new Set<string>();

  /** @param nowMs the wall clock. */
  constructor(writer: StatusWriter, objects: ClusterObjects, nowMs: () => number) {
    this.#writer = writer;
    this.#objects = objects;
    this.#nowMs = nowMs;
  }

  onService(object: ServiceObject, conditions: readonly NewCondition[], problems: readonly Problem[]): void {
    if (conditions.length > 0) this.#conditions(SERVICES, object, conditions, this.#objects.services);
    this.#event(SERVICES, object, "SessionAffinityTimeoutUnused", refusedAffinity(conditions));
    this.#event(SERVICES, object, "InvalidAnnotation", problems);
  }

  onCapture(object: ServiceObject, condition: NewCondition | undefined): void {
    // Under a key of its own: what else is said of the Service is said by somebody else.
    if (condition !== undefined)
      this.#conditions(SERVICES, object, [condition], this.#objects.services, condition.type);
  }

  onNamespace(object: NamespaceObject, problems: readonly Problem[]): void {
    this.#event(NAMESPACES, object, "InvalidAnnotation", problems);
  }

  onPod(object: KubeObject, problems: readonly Problem[]): void {
    this.#event(CALLERS, object, "InvalidAnnotation", problems);
  }

  onPodsOf(object: NamespaceObject, reason: string, problem: Problem): void {
    this.#event(NAMESPACES, object, reason, [problem]);
  }

  onPolicy(object: TrafficPolicyObject, condition: NewCondition, problems: readonly Problem[]): void {
    this.#conditions(TRAFFIC_POLICIES, object, [condition], this.#objects.policies);
    this.#event(TRAFFIC_POLICIES, object, "InvalidPolicy", problems);
  }

  onRoute(object: GrpcRouteObject, verdicts: readonly ParentVerdict[], problems: readonly Problem[]): void {
    const key = objectKey(object);
    this.#writer.put(`status/GRPCRoute/${key}`, () => {
      const current = this.#objects.routes.get(key);
      if (current === undefined || current.uid !== object.uid) return undefined;
      const others = current.parentStatuses.filter((each) => each.controllerName !== CONTROLLER_NAME);
      const ours = verdicts.map(({ parentRef, conditions }): RouteParentStatus => {
        const before = current.parentStatuses.find(
          (each) => each.controllerName === CONTROLLER_NAME && isSameReference(each.parentRef, parentRef),
        );
        const dated = conditions.map((each) => this.#dated(each, before?.conditions ?? []));
        return { parentRef, controllerName: CONTROLLER_NAME, conditions: dated };
      });
      const parents = [...others, ...ours];
      if (isSame(parents, current.parentStatuses)) return undefined;
      return patch(GRPC_ROUTES, current, { parents });
    });
    this.#event(GRPC_ROUTES, object, "InvalidRoute", problems);
  }

  #conditions<T extends KubeObject & { readonly conditions: readonly Condition[] }>(
    kind: ResourceKind<T>,
    object: T,
    conditions: readonly NewCondition[],
    store: { get(key: string): T | undefined },
    apart = "",
  ): void {
    const key = objectKey(object);
    this.#writer.put(`status/${kind.kind}/${key}${apart && `/${apart}`}`, () => {
      const current = store.get(key);
      if (current === undefined || current.uid !== object.uid) return undefined;
      const dated = conditions.map((each) => this.#dated(each, current.conditions));
      const types = new Set(conditions.map(({ type }) => type));
      const before = current.conditions.filter(({ type }) => types.has(type));
      if (isSame(byType(before), byType(dated))) return undefined;
      const others = current.conditions.filter(({ type }) => !types.has(type));
      return patch(kind, current, { conditions: [...others, ...dated] });
    });
  }

  /** A condition has changed when its status has, not when its words have. */
  #dated(condition: NewCondition, before: readonly Condition[]): Condition {
    const known = before.find(({ type }) => type === condition.type);
    const lastTransitionTime =
      known?.status === condition.status && known.lastTransitionTime !== undefined
        ? known.lastTransitionTime
        : this.#now();
    return { ...condition, lastTransitionTime };
  }

  #event(
    kind: Pick<ResourceKind<KubeObject>, "group" | "version" | "kind" | "plural">,
    object: KubeObject,
    reason: string,
    problems: readonly Problem[],
  ): void {
    if (problems.length === 0) return;
    const message = problemsText(problems);
    // Replicas say the same under the same name: the second one is refused, which is what is wanted.
    const name = `${object.name}.${configVersion({ uid: object.uid, reason, message })}`;
    if (this.#said.has(name)) return;
    if (this.#said.size >= MOST_EVENTS) this.#said.clear();
    this.#said.add(name);
    const namespace = object.namespace === "" ? "default" : object.namespace;
    const now = this.#now();
    const body = {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name, namespace },
      type: "Warning",
      reason,
      message,
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component: "isobar-control-plane" },
      reportingComponent: CONTROLLER_NAME,
      involvedObject: {
        apiVersion: apiVersionOf(kind),
        kind: kind.kind,
        name: object.name,
        uid: object.uid,
        resourceVersion: object.resourceVersion,
        ...(object.namespace === "" ? {} : { namespace }),
      },
    };
    this.#writer.put(`event/${namespace}/${name}`, () => ({
      method: "POST",
      path: `/api/v1/namespaces/${namespace}/events`,
      body,
    }));
  }

  #now(): string {
    return new Date(this.#nowMs()).toISOString().replace(/\.\d+Z$/, "Z");
  }
}

/** The version goes along: whoever wrote meanwhile is not overwritten, but read first. */
function patch<T extends KubeObject>(kind: ResourceKind<T>, object: T, status: object) {
  return {
    method: "PATCH" as const,
    path: `${resourcePath(kind, object.namespace, object.name)}/status`,
    body: { metadata: { resourceVersion: object.resourceVersion }, status },
  };
}

function byType<T extends { readonly type: string }>(conditions: readonly T[]): T[] {
  return [...conditions].sort((a, b) => (a.type < b.type ? -1 : 1));
}

/** What is said of a Service beside its annotations. */
function refusedAffinity(conditions: readonly NewCondition[]): Problem[] {
  return conditions.flatMap(({ type, status, message }) => {
    if (type !== AFFINITY_CONDITION || status !== "False") return [];
    const at = message.indexOf(": ");
    return [{ field: message.slice(0, at), text: message.slice(at + 2) }];
  });
}

function isSameReference(a: RouteReference, b: RouteReference): boolean {
  return (
    (a.group ?? "") === (b.group ?? "") &&
    a.kind === b.kind &&
    a.namespace === b.namespace &&
    a.name === b.name &&
    a.port === b.port &&
    a.sectionName === b.sectionName
  );
}

/** Whatever the order of keys. */
function isSame(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  );
}
