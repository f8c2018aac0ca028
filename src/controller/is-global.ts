import type { NamespaceObject } from "../kube/objects/namespace-object.ts";
import type { ServiceObject } from "../kube/objects/service-object.ts";

/** Namespaces of what each cluster has for itself. */
const OWN_NAMESPACE = /^kube-/;

/**
 * Whether a Service is one with its like in other clusters: as its annotation says, or else its namespace's, or else the default. By default what each
 * cluster has for itself is never: calls that were meant for one API server must not reach another's, credentials and all.
 *
 * Source: Kubernetes, multi-cluster Services API, "namespace sameness".
 *
 * @param byDefault whether Services that say nothing are.
 */
export function isGlobal(
  service: Pick<ServiceObject, "namespace" | "name" | "annotations">,
  namespace: Pick<NamespaceObject, "annotations"> | undefined,
  byDefault: boolean,
): boolean {
  const { global: own } = service.annotations;
  const { global: ofAll } = namespace?.annotations ?? {};
  const said = own ?? ofAll;
  if (said === "true" || said === "false") return said === "true";
  const isApiServer = service.namespace === "default" && service.name === "kubernetes";
  return byDefault && !isApiServer && !OWN_NAMESPACE.test(service.namespace);
}
