import { objectKey } from "../../kube/kube-object.ts";
import type { EndpointSliceObject } from "../../kube/objects/endpoint-slice-object.ts";
import type { Mesh } from "../../kube/objects/mesh-of.ts";
import type { ServiceObject } from "../../kube/objects/service-object.ts";
import type { ClusterObjects } from "../cluster-objects.ts";
import type { LeftAlone } from "./capture-condition.ts";

const MESH_NAMES: Readonly<Record<Mesh, string>> = {
  "": "",
  istio: "Istio",
  linkerd: "Linkerd",
  ambient: "Istio ambient",
};

/** Of a Pod, the label that takes it out of ambient again. */
const AMBIENT_LABEL = "istio.io/dataplane-mode";

/**
 * A mesh encrypts and balances by itself, and may refuse who is not in it: one endpoint inside is enough to leave the whole Service to it.
 *
 * @returns the first endpoint that is in one.
 */
export function meshedEndpoint(
  service: ServiceObject,
  slices: Iterable<EndpointSliceObject>,
  { pods, namespaces }: Pick<ClusterObjects, "pods" | "namespaces">,
): LeftAlone | undefined {
  const isAmbient = namespaces.get(service.namespace)?.mesh === "ambient";
  for (const { endpoints } of slices) {
    for (const { pod, uid } of endpoints) {
      const object =
        pod === "" ? undefined : pods.get(objectKey({ namespace: service.namespace, name: pod }));
      if (object === undefined || object.uid !== uid) continue;
      const mesh = object.mesh || (isAmbient && object.labels[AMBIENT_LABEL] === undefined ? "ambient" : "");
      if (mesh === "") continue;
      return {
        reason: "InsideMesh",
        message: `found Pod ${pod} inside ${MESH_NAMES[mesh]}, wanted endpoints of no other mesh: the Service is left to it; take its Pods out of the mesh, or say isobar.dev/mode: off`,
      };
    }
  }
  return undefined;
}
