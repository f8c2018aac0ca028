import type { Mesh } from "../../kube/objects/mesh-of.ts";
import { meshOf } from "../../kube/objects/mesh-of.ts";
import type { IncomingPod } from "./admission-review.ts";

/** What asks for a sidecar that is not there yet: other webhooks may come later. */
const WISHES: readonly (readonly [key: string, value: RegExp, mesh: Mesh])[] = [
  ["sidecar.istio.io/inject", /^true$/, "istio"],
  ["linkerd.io/inject", /^(?:enabled|ingress)$/, "linkerd"],
];

/**
 * @param ofNamespace the mesh that the Namespace's Pods are a part of.
 * @returns the mesh whose part the Pod is or will be, which then has its calls; "" for none.
 */
export function findMesh({ metadata, spec }: IncomingPod, ofNamespace: Mesh): Mesh {
  const annotations = metadata.annotations ?? {};
  const labels = metadata.labels ?? {};
  const names = [...spec.containers, ...(spec.initContainers ?? [])].map(({ name }) => name);
  const found = meshOf({ metadata: { annotations, labels } }, names);
  if (found !== "") return found;
  for (const [key, wanted, mesh] of WISHES) {
    const value = annotations[key] ?? labels[key];
    if (value !== undefined && wanted.test(value)) return mesh;
  }
  // A Pod may say for itself that it is no part of an ambient mesh; a sidecar would have been seen.
  return ofNamespace === "ambient" && labels["istio.io/dataplane-mode"] === undefined ? "ambient" : "";
}
