import type { TierSet } from "../lb/tier-set.ts";

import type { Explainer } from "../proxy/explain/explainer.ts";
import type { PickingCluster } from "../proxy/explain/picking-cluster.ts";
import type { ExplainAskMessage, ExplainedCluster, ExplainedMessage } from "./worker-messages.ts";

/** Answers for a worker what it has recorded, and what it believes of one cluster. It copies, and works nothing out. */
export function answerExplain({ id, clusterSlot }: ExplainAskMessage, explain: Explainer): ExplainedMessage {
  const { nowMs, wallMs, cluster } = explain.options;
  const { records, views } = explain.recorder.all();
  const runtime = clusterSlot < 0 ? undefined : cluster(clusterSlot);
  return {
    kind: "explained",
    id,
    nowMs: nowMs(),
    wallMs: wallMs(),
    records,
    views: views.map(({ number, snapshot, ...tierSet }) => ({
      number,
      snapshot: snapshot.buffer as SharedArrayBuffer,
      ...plainTiers(tierSet),
    })),
    cluster: runtime === undefined ? undefined : clusterOf(runtime),
  };
}

function clusterOf({ snapshot, tiered, built }: PickingCluster): ExplainedCluster {
  return {
    contentHash: snapshot.contentHash,
    ...plainTiers(tiered.tierSet),
    leftOut: built.allLeftOut(),
  };
}

/** A tier set may come with methods, which do not travel. */
function plainTiers({ tiers, shares }: TierSet): TierSet {
  return { tiers, shares };
}
