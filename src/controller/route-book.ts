import { objectKey } from "../kube/kube-object.ts";
import type { NewCondition } from "../kube/objects/condition.ts";
import type { GrpcRouteObject, RouteReference } from "../kube/objects/grpc-route-object.ts";
import type { ServiceObject } from "../kube/objects/service-object.ts";
import type { CompiledGrpcRoute, CompiledRule } from "./compile-grpc-route.ts";
import { compileGrpcRoute } from "./compile-grpc-route.ts";
import type { Problem } from "./problem.ts";
import { problemsText } from "./problem.ts";
import type { BackendResolver } from "./resolve-backend.ts";
import type { AttachedRoute } from "./service-routes.ts";

/** A GRPCRoute and what became of it. */
interface KnownRoute {
  readonly object: GrpcRouteObject;
  readonly compiled: CompiledGrpcRoute;
  /** Of the last version that was good; undefined when none was. */
  readonly rules: readonly CompiledRule[] | undefined;
}

/** What a route's status says on behalf of one parent. */
export interface ParentVerdict {
  readonly parentRef: RouteReference;
  readonly conditions: readonly NewCondition[];
}

/** All GRPCRoutes that are attached to Services. Others are none of our business. */
export class RouteBook {
  readonly #resolver: BackendResolver;
  readonly #service: (key: string) => ServiceObject | undefined;
  readonly #routes = new Map<string, KnownRoute>();
  /** Routes by the Services they name, as parents or backends. */
  readonly #naming = new Map<string, Set<string>>();

  constructor(resolver: BackendResolver, service: (key: string) => ServiceObject | undefined) {
    this.#resolver = resolver;
    this.#service = service;
  }

  /**
   * Takes up a route as it is now; also when something else has changed that it refers to.
   *
   * @param object undefined: it is gone.
   * @returns Services, `namespace/name`, that may have to be looked at anew.
   */
  change(key: string, object: GrpcRouteObject | undefined): string[] {
    const previous = this.#routes.get(key);
    const before = previous === undefined ? [] : parentsOf(previous.object).map(({ service }) => service);
    if (previous !== undefined)
      for (const name of namedBy(previous.object)) this.#naming.get(name)?.delete(key);
    this.#routes.delete(key);
    if (object === undefined || !object.parents.some(isService)) return before;
    const compiled = compileGrpcRoute(object, this.#resolver);
    const lastGood = previous?.object.uid === object.uid ? previous.rules : undefined;
    const rules = compiled.problems.length === 0 ? compiled.rules : lastGood;
    this.#routes.set(key, { object, compiled, rules });
    for (const name of namedBy(object)) {
      const routes = this.#naming.get(name);
      if (routes === undefined) this.#naming.set(name, new Set([key]));
      else routes.add(key);
    }
    return [...new Set([...before, ...parentsOf(object).map(({ service }) => service)])];
  }

  /** @returns keys of all routes that name the Service, as parent or backend. */
  naming(service: string): Iterable<string> {
    return this.#naming.get(service) ?? [];
  }

  get size(): number {
    return this.#routes.size;
  }

  /** @returns keys of all routes. */
  keys(): Iterable<string> {
    return this.#routes.keys();
  }

  /** @returns the routes of a Service's port. */
  attachedTo(service: string, port: number): AttachedRoute[] {
    const attached: AttachedRoute[] = [];
    for (const key of this.naming(service)) {
      const { object, rules } = this.#routes.get(key)!;
      const isParent = parentsOf(object).some(
        (parent) => parent.service === service && (parent.reference.port ?? port) === port,
      );
      if (isParent && rules !== undefined) attached.push({ object, rules });
    }
    return attached;
  }

  /** @returns what is to be said of the route; undefined when it is gone or not for Services. */
  judge(key: string):
    | {
        readonly object: GrpcRouteObject;
        readonly verdicts: readonly ParentVerdict[];
        readonly problems: readonly Problem[];
      }
    | undefined {
    const route = this.#routes.get(key);
    if (route === undefined) return undefined;
    const { object, compiled } = route;
    const parents = object.parents.filter(isService);
    return {
      object,
      problems: [...compiled.problems, ...compiled.unresolved],
      verdicts: parents.map((parentRef) => ({
        parentRef,
        conditions: [this.#accepted(route, parentRef), resolvedRefs(route)],
      })),
    };
  }

  #accepted({ object, compiled, rules }: KnownRoute, parent: RouteReference): NewCondition {
    const say = (reason: string, message: string): NewCondition => ({
      type: "Accepted",
      status: reason === "Accepted" ? "True" : "False",
      reason,
      message,
      observedGeneration: object.generation,
    });
    const namespace = parent.namespace ?? object.namespace;
    if (namespace !== object.namespace) {
      return say(
        "NoMatchingParent",
        `found a Service of the namespace ${namespace}, wanted one of the route's own: routes for callers of one namespace only are not supported`,
      );
    }
    const service = this.#service(objectKey({ namespace, name: parent.name }));
    if (service === undefined)
      return say("NoMatchingParent", `there is no Service ${namespace}/${parent.name}`);
    if (parent.port !== undefined && !service.ports.some(({ port }) => port === parent.port)) {
      return say("NoMatchingParent", `Service ${namespace}/${parent.name} has no port ${parent.port}`);
    }
    if (compiled.problems.length === 0) return say("Accepted", "in force");
    const kept = rules === undefined ? "nothing of it is in force" : "its last good version stays in force";
    return say("UnsupportedValue", `${problemsText(compiled.problems)}; ${kept}`);
  }
}

function resolvedRefs({ object, compiled: { unresolved } }: KnownRoute): NewCondition {
  const isWell = unresolved.length === 0;
  return {
    type: "ResolvedRefs",
    status: isWell ? "True" : "False",
    reason: isWell ? "ResolvedRefs" : unresolved[0]!.reason,
    message: isWell ? "all backends are there" : problemsText(unresolved),
    observedGeneration: object.generation,
  };
}

function isService({ group, kind }: RouteReference): boolean {
  return group === "" && kind === "Service";
}

/** Services of the route's own namespace that it is for. */
function parentsOf({
  namespace,
  parents,
}: GrpcRouteObject): { readonly service: string; readonly reference: RouteReference }[] {
  return parents
    .filter((parent) => isService(parent) && (parent.namespace ?? namespace) === namespace)
    .map((reference) => ({ service: objectKey({ namespace, name: reference.name }), reference }));
}

/** All Services it names. */
function namedBy(route: GrpcRouteObject): Set<string> {
  const names = new Set(parentsOf(route).map(({ service }) => service));
  const add = ({ namespace = route.namespace, name }: RouteReference): void => {
    names.add(objectKey({ namespace, name }));
  };
  for (const { backendRefs = [], filters = [] } of route.rules) {
    for (const backend of backendRefs) add(backend);
    for (const { requestMirror } of filters) if (requestMirror !== undefined) add(requestMirror.backendRef);
  }
  return names;
}
