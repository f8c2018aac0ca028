import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import { SetAside } from "../resource/set-aside.ts";
import { buildTiers } from "./build-tiers.ts";
import type { CandidateSet } from "./candidate-set.ts";

/** The nearest of a cluster's tiers, for whom the others do not matter. */
export function buildCandidates(
  snapshot: ClusterSnapshot,
  zone: string,
  isAside: (slot: number) => boolean,
): CandidateSet {
  const verdict = (slot: number): SetAside => (isAside(slot) ? SetAside.connect : 0);
  return buildTiers(snapshot, { node: "", zone, region: "" }, verdict).tiers[0]!;
}
