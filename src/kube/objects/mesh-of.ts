import type { RawObject } from "../raw-object.ts";

/** A service mesh that a Pod is a part of; "" for none. */
export type Mesh = "" | "istio" | "linkerd" | "ambient";

/** Container of Istio's sidecar, also where it is a native one. */
const ISTIO_CONTAINER = "istio-proxy";
const LINKERD_CONTAINER = "linkerd-proxy";

/**
 * Which mesh has put itself into a Pod, by what its injector leaves behind: annotations for Istio's sidecar (`sidecar.istio.io/status`) and Linkerd's
 * (`linkerd.io/proxy-version`), for ambient what its CNI says (`ambient.istio.io/redirection`) or the label that asks for it.
 *
 * @param containers names, where they are known.
 */
export function meshOf({ metadata = {} }: RawObject, containers: readonly string[] = []): Mesh {
  const { annotations = {}, labels = {} } = metadata;
  if (annotations["sidecar.istio.io/status"] !== undefined || containers.includes(ISTIO_CONTAINER))
    return "istio";
  if (annotations["linkerd.io/proxy-version"] !== undefined || containers.includes(LINKERD_CONTAINER))
    return "linkerd";
  const isRedirected = annotations["ambient.istio.io/redirection"] === "enabled";
  return isRedirected || labels["istio.io/dataplane-mode"] === "ambient" ? "ambient" : "";
}
