import type { ClusterObjects } from "../../controller/cluster-objects.ts";
import { ANNOTATION_PREFIX } from "../../kube/objects/own-annotations.ts";
import type { PodOptIn } from "./judge-pod.ts";

const MODES: readonly string[] = ["off", "address", "proxy-env", "transparent"];

/**
 * What a Pod that is not there yet, and its Namespace, say of how its calls come to its node's proxy. A value that is none counts as if it were not said; an Event names it.
 *
 * @param annotations of the Pod, with their prefixes.
 */
export function optInOf(
  { namespaces }: Pick<ClusterObjects, "namespaces">,
  namespace: string,
  annotations: Readonly<Record<string, string>>,
): PodOptIn {
  const own = namespaces.get(namespace)?.annotations ?? {};
  const said = [annotations[`${ANNOTATION_PREFIX}mode`], own["mode"]];
  const mode = said.find((each) => each !== undefined && MODES.includes(each)) ?? "off";
  const percent = own["percent"] ?? "100";
  return {
    mode: mode as PodOptIn["mode"],
    failClosed: own["fail"] === "closed",
    percent: /^\d{1,3}$/.test(percent) ? Math.min(100, Number(percent)) : 100,
  };
}
