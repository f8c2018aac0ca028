import type { PodContainer } from "../../control-plane/webhook/admission-review.ts";
import { findForeignProxy } from "../../control-plane/webhook/foreign-proxy.ts";
import { meshOf } from "../../kube/objects/mesh-of.ts";
import type { RawObject } from "../../kube/raw-object.ts";
import type { Finding } from "./finding.ts";

interface RawPodSpec {
  readonly hostNetwork?: boolean;
  readonly containers?: readonly PodContainer[];
}

const DOMAIN = "cluster.local";

/** What stands in the way of a namespace's Pods as they are now. */
export function obstaclesOfPods(pods: readonly RawObject[]): Finding[] {
  const onHost: string[] = [];
  const inMesh: string[] = [];
  const withProxy = new Map<string, string[]>();
  for (const pod of pods) {
    const { hostNetwork = false, containers = [] } = (pod.spec ?? {}) as RawPodSpec;
    const name = pod.metadata?.name ?? "";
    if (hostNetwork) onHost.push(name);
    const names = containers.map((each) => each.name);
    if (meshOf(pod, names) !== "") inMesh.push(name);
    for (const container of containers) {
      const found = findForeignProxy(container, [], DOMAIN);
      if (found !== undefined) withProxy.set(found, [...(withProxy.get(found) ?? []), name]);
    }
  }
  const findings: Finding[] = [];
  const warn = (check: string, where: readonly string[], found: string, toDo: string): void => {
    if (where.length > 0) findings.push({ level: "warning", check, where, found, toDo });
  };
  warn("host network", onHost, "Pods in their node's network are not told apart, and call as before", "");
  warn(
    "mesh",
    inMesh,
    "Pods are inside a mesh and left alone",
    "take them out of it first, if Isobar is to have their calls",
  );
  for (const [found, where] of withProxy)
    warn(
      "proxy variables",
      where,
      `${found}: the mode proxy-env leaves these Pods alone`,
      "take the variable out, or use the mode transparent or address",
    );
  if (findings.length === 0)
    findings.push({
      level: "good",
      check: "Pods",
      where: [],
      found: `nothing stands in the way of the namespace's ${pods.length} Pods`,
      toDo: "",
    });
  return findings;
}
