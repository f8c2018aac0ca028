import { LEFT_OUT_NAMES, LeftOut } from "../../lb/left-out.ts";
import { tierName } from "../../lb/record/pick-view.ts";
import { endpointAddress } from "../../lb/record/slot-names.ts";
import { parseDestination } from "../../telemetry/destination.ts";
import type { PickStory } from "./pick-story.ts";
import type { PickingCluster } from "./picking-cluster.ts";

/** The header's value has at most this many octets: gRPC clients take 8 KiB of metadata by default, all fields together. */
export const MAX_EXPLAIN_OCTETS = 3072;
/** Endpoints left out that are named; beyond it, and where there is no room, they are only counted. */
const MAX_NAMES = 16;

/** The answer to a client that asked; docs/explain.md is its description. */
export interface ExplainAnswer {
  readonly node: string;
  readonly cluster: string;
  /** Content hash of the cluster's snapshot. */
  readonly snapshot: string;
  readonly policy: string;
  readonly metric: string;
  readonly picks: PickStory["picks"];
  /** Why it was sent on, each time. */
  readonly moves: readonly string[];
  /** `address:port` of who answers, "" for nobody. */
  readonly endpoint: string;
  /** Endpoints that were no candidates of the newest pick: how many by reason, and some of their names. */
  readonly leftOut: Readonly<Record<string, number>>;
  readonly leftOutEndpoints: Readonly<Record<string, string>>;
  /** Only for a pod that calls another namespace's service: endpoints that its request did not go to are neither named nor measured. */
  readonly isForeign?: boolean;
}

/**
 * Tells a request's picks as JSON in ASCII: what does not fit is left out, the names of endpoints first, then all picks but the
 * last.
 *
 * @param endpoint slot of who answers, -1 for nobody.
 * @returns "" when not even the shortest form fits, or no cluster was found.
 */
export function explainText(
  node: string,
  story: PickStory,
  cluster: PickingCluster | undefined,
  endpoint: number,
  maxOctets: number,
): string {
  if (cluster === undefined) return "";
  const answer = withoutForeign(answerOf(node, story, cluster, endpoint), story);
  const names = Object.entries(answer.leftOutEndpoints);
  for (let kept = names.length; ; kept = Math.floor(kept / 2)) {
    const text = asciiJson({ ...answer, leftOutEndpoints: Object.fromEntries(names.slice(0, kept)) });
    if (text.length <= maxOctets) return text;
    if (kept === 0) break;
  }
  const short = asciiJson({
    ...answer,
    picks: answer.picks.slice(-1),
    leftOutEndpoints: {},
    isShortened: true,
  });
  return short.length <= maxOctets ? short : "";
}

function answerOf(node: string, story: PickStory, cluster: PickingCluster, endpoint: number): ExplainAnswer {
  const { snapshot } = cluster;
  const { policy, metric } = snapshot.settings.loadBalancing;
  const leftOut: Record<string, number> = {};
  const leftOutEndpoints: Record<string, string> = {};
  let name = "";
  const reasons = cluster.built.allLeftOut();
  const tiers = tiersBySlot(story);
  for (let index = 0; index < snapshot.count; index++) {
    const slot = snapshot.slotAt(index);
    if (slot === endpoint) name = endpointAddress(snapshot, index);
    const reason = whyLeftOut(story, tiers.get(slot), reasons[index]!);
    if (reason === "") continue;
    leftOut[reason] = (leftOut[reason] ?? 0) + 1;
    if (Object.keys(leftOutEndpoints).length < MAX_NAMES)
      leftOutEndpoints[endpointAddress(snapshot, index)] = reason;
  }
  return {
    node,
    cluster: snapshot.name,
    snapshot: snapshot.contentHash,
    policy,
    metric,
    picks: story.picks,
    moves: story.moves,
    endpoint: name,
    leftOut,
    leftOutEndpoints,
  };
}

/** @returns of a service of another namespace than the caller's what happened to the request, and nothing of that namespace's other endpoints and their load. */
function withoutForeign(answer: ExplainAnswer, { namespace }: PickStory): ExplainAnswer {
  if (namespace === undefined || parseDestination(answer.cluster).dst_namespace === namespace) return answer;
  const picks = answer.picks.map((pick) => ({ ...pick, drawn: [], tried: [] }));
  return { ...answer, picks, leftOutEndpoints: {}, isForeign: true };
}

/** @returns why an endpoint was no candidate of the story's newest pick; "" for one that was. */
function whyLeftOut({ tierSet, pickedTier }: PickStory, tier: number | undefined, reason: number): string {
  if (tierSet === undefined || tier === pickedTier) return "";
  if (tier !== undefined)
    return `in tier "${tierName(tierSet.tiers[tier]!)}", which gets ${percent(tierSet.shares[tier]!)}`;
  // A candidate of the cluster that is none of this request's.
  return LEFT_OUT_NAMES[reason === LeftOut.not ? LeftOut.filtered : reason] ?? "";
}

/** Not by searching each: a cluster may have thousands of endpoints, and this runs on the data plane. */
function tiersBySlot({ tierSet, pickedTier, lookedBeyond }: PickStory): Map<number, number> {
  const bySlot = new Map<number, number>();
  for (const [tier, { slots }] of (tierSet?.tiers ?? []).entries())
    for (const slot of slots) bySlot.set(slot, tier);
  const beyond = lookedBeyond ? tierSet?.tiers[pickedTier]?.beyond : undefined;
  for (const slot of beyond?.slots ?? []) bySlot.set(slot, pickedTier);
  return bySlot;
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}

/** JSON whose other characters than ASCII are escapes: a field value has no others. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
