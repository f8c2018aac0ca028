import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";

type Labels = Readonly<Record<string, string>>;

const known = new WeakMap<ClusterSnapshot, readonly Labels[]>();

/** @returns the labels of a snapshot's endpoints by index; parsed once for each snapshot. */
export function endpointLabels(snapshot: ClusterSnapshot): readonly Labels[] {
  let labels = known.get(snapshot);
  if (labels === undefined) {
    labels = Array.from({ length: snapshot.count }, (_, index) => snapshot.labelsAt(index));
    known.set(snapshot, labels);
  }
  return labels;
}
