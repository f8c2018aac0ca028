import type { ClusterView } from "./cluster-view.ts";
import type { Finding } from "./finding.ts";
import { good, warning } from "./make-finding.ts";

/** Only the control plane knows it. */
const ONLY_CONTROL_PLANE = "which streams stand, which answers are due, whether its audit is whole";

/** Whether anybody at all has answered: a proxy, a control plane or an API server. */
export function isAnswered({ nodes, controlPlanes, pods, namespaces, leftAlone }: ClusterView): boolean {
  return (
    [pods, namespaces, leftAlone].some((list) => list !== undefined) ||
    [...nodes, ...controlPlanes].some(({ value }) => value !== undefined)
  );
}

/** Where no control plane has answered: what could be looked at all the same, and what not. Nothing where none is wanted. */
export function lookedAt(view: ClusterView): readonly Finding[] {
  const { nodes, controlPlanes, pods, namespaces, leftAlone, notes } = view;
  if (controlPlanes.some(({ value }) => value !== undefined)) return [];
  const isOfCluster = pods !== undefined || notes.length > 0 || controlPlanes.length > 0;
  const known = nodes.flatMap(({ value }) => value ?? []);
  const linked = known.filter(({ controlPlane }) => controlPlane !== null).length;
  if (!isOfCluster && linked === 0) return [];
  const seen = [
    ...(nodes.length > 0 ? [`${known.length} of ${nodes.length} proxies`] : []),
    ...(linked > 0 ? ["what they say of their streams to the control plane"] : []),
    ...(pods === undefined ? [] : ["Isobar's Pods"]),
    ...(namespaces === undefined ? [] : ["namespaces' annotations"]),
    ...(leftAlone === undefined ? [] : ["Services' conditions, as last written"]),
  ];
  const found = `${seen.join(", ") || "nothing"}; not the control plane itself: ${ONLY_CONTROL_PLANE}`;
  if (!isOfCluster) return [good("looked at", found)];
  return [
    warning(
      "looked at",
      [],
      found,
      "nodes go on with what they know; conditions may be old; kubectl logs of the control plane's Pods",
    ),
  ];
}
