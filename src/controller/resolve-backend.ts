import type { GrpcRouteObject, RouteReference } from "../kube/objects/grpc-route-object.ts";
import { GRPC_ROUTES } from "../kube/objects/grpc-route-object.ts";
import type { ReferenceGrantObject } from "../kube/objects/reference-grant-object.ts";
import type { ServiceObject } from "../kube/objects/service-object.ts";
import { canonicalName } from "./service-authorities.ts";

/** A cluster without endpoints: what is sent there fails with UNAVAILABLE. */
export const UNRESOLVED_CLUSTER = "unresolved.isobar:1";

/** Where a reference of a route leads. */
export interface ResolvedBackend {
  /** Name of the cluster. */
  readonly cluster: string;
  /** "" when it is well, else as the condition ResolvedRefs has it. Source: Gateway API, RouteConditionReason. */
  readonly reason: "" | "BackendNotFound" | "RefNotPermitted" | "InvalidKind";
  readonly text: string;
}

/** What is asked about other objects. */
export interface BackendSurroundings {
  service(namespace: string, name: string): ServiceObject | undefined;
  /** All grants of a namespace. */
  grants(namespace: string): Iterable<ReferenceGrantObject>;
}

/** Finds the clusters that routes refer to. Into another namespace a route sends only where that namespace's ReferenceGrants let it. */
export class BackendResolver {
  readonly #around: BackendSurroundings;

  constructor(around: BackendSurroundings) {
    this.#around = around;
  }

  resolve(route: GrpcRouteObject, reference: RouteReference): ResolvedBackend {
    const { group = "", kind = "Service", namespace = route.namespace, name, port } = reference;
    if (group !== "" || kind !== "Service") {
      return failed("InvalidKind", `found ${kind} of the group "${group}", wanted a Service`);
    }
    const key = `${namespace}/${name}`;
    // Asked first, so that nobody learns what exists in a namespace that grants nothing.
    if (namespace !== route.namespace && !this.#isGranted(route.namespace, namespace, name)) {
      return failed(
        "RefNotPermitted",
        `found Service ${key}, wanted a ReferenceGrant in ${namespace} that lets GRPCRoutes of ${route.namespace} refer to it`,
      );
    }
    const service = this.#around.service(namespace, name);
    if (service === undefined) return failed("BackendNotFound", `found no Service ${key}`);
    const ports = service.ports.filter(({ protocol }) => protocol === "TCP").map((each) => each.port);
    if (port === undefined || !ports.includes(port)) {
      return failed(
        "BackendNotFound",
        `found port ${port ?? "none"}, wanted a port of Service ${key}: ${ports.join(", ")}`,
      );
    }
    return { cluster: canonicalName(service, port), reason: "", text: "" };
  }

  #isGranted(from: string, to: string, name: string): boolean {
    for (const grant of this.#around.grants(to)) {
      const isFrom = grant.from.some(
        ({ group, kind, namespace }) =>
          group === GRPC_ROUTES.group && kind === GRPC_ROUTES.kind && namespace === from,
      );
      const isTo = grant.to.some(
        (each) =>
          each.group === "" && each.kind === "Service" && (each.name === undefined || each.name === name),
      );
      if (isFrom && isTo) return true;
    }
    return false;
  }
}

function failed(reason: ResolvedBackend["reason"], text: string): ResolvedBackend {
  return { cluster: UNRESOLVED_CLUSTER, reason, text };
}
