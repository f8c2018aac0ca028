import type { ClusterObjects } from "../../controller/cluster-objects.ts";
import { readOptIn } from "../../controller/opt-in.ts";
import { ownAnnotations } from "../../kube/objects/own-annotations.ts";
import type { IncomingPod } from "./admission-review.ts";
import { findMesh } from "./find-mesh.ts";
import type { PodOptIn } from "./judge-pod.ts";

/** What a Pod that is not there yet, and its Namespace, say of how its calls come to its node's proxy. */
export function optInOf(
  { namespaces }: Pick<ClusterObjects, "namespaces">,
  name: string,
  pod: IncomingPod,
): PodOptIn {
  const namespace = namespaces.get(name);
  const { mode, percent, failClosed } = readOptIn(
    namespace?.annotations ?? {},
    ownAnnotations({ metadata: { annotations: pod.metadata.annotations ?? {} } }),
  );
  return { mode, percent, failClosed, mesh: findMesh(pod, namespace?.mesh ?? "") };
}
