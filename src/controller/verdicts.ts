import type { KubeObject } from "../kube/kube-object.ts";
import type { NewCondition } from "../kube/objects/condition.ts";
import type { GrpcRouteObject } from "../kube/objects/grpc-route-object.ts";
import type { NamespaceObject } from "../kube/objects/namespace-object.ts";
import type { ServiceObject } from "../kube/objects/service-object.ts";
import type { TrafficPolicyObject } from "../kube/objects/traffic-policy-object.ts";
import type { Problem } from "./problem.ts";
import type { ParentVerdict } from "./route-book.ts";

/** Takes what is thought of objects, each time it is thought again: who writes it down finds out whether it is news. Calls never throw. */
export interface Verdicts {
  /** @param conditions none: its status is to be left alone. @param problems with its annotations. */
  onService(object: ServiceObject, conditions: readonly NewCondition[], problems: readonly Problem[]): void;
  /** @param condition whether it is captured; undefined: nothing is to be said of it. */
  onCapture(object: ServiceObject, condition: NewCondition | undefined): void;
  onNamespace(object: NamespaceObject, problems: readonly Problem[]): void;
  /** What is wrong with a Pod's annotations. */
  onPod(object: KubeObject, problems: readonly Problem[]): void;
  /** Something about a Namespace's Pods that somebody ought to know. @param reason of the Event, in CamelCase. */
  onPodsOf(object: NamespaceObject, reason: string, problem: Problem): void;
  onPolicy(object: TrafficPolicyObject, condition: NewCondition, problems: readonly Problem[]): void;
  onRoute(object: GrpcRouteObject, verdicts: readonly ParentVerdict[], problems: readonly Problem[]): void;
}
