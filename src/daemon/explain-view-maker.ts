import type {
  ClusterInShort,
  ExplainedCluster,
  ExplainedEndpoint,
  ExplainQuestion,
  ExplainView,
  PickView,
} from "../admin/explain-view.ts";
import { LEFT_OUT_NAMES } from "../lb/left-out.ts";
import { describePick } from "../lb/record/describe-pick.ts";
import type { PickRecord } from "../lb/record/pick-record.ts";
import { newestRecords, readRecords } from "../lb/record/pick-record.ts";
import type { PickView as RecordedView } from "../lb/record/pick-view.ts";
import { tierName, tierOf } from "../lb/record/pick-view.ts";
import { endpointAddress } from "../lb/record/slot-names.ts";
import { parseDestination } from "../telemetry/destination.ts";
import type { EndpointCounters } from "../telemetry/endpoint-counters.ts";
import type { PublishedCluster } from "./cluster-publisher.ts";
import type { WorkerAccount } from "./explain-desk.ts";

/** Records of each worker that are looked at for one answer. */
const MAX_RECORDS = 4096;

/** What a view is made of. */
export interface ExplainParts {
  readonly node: string;
  readonly sample: number;
  readonly published: readonly PublishedCluster[];
  readonly endpoints: EndpointCounters;
  readonly accounts: readonly WorkerAccount[];
}

interface SeenPick {
  readonly account: WorkerAccount;
  readonly record: PickRecord;
  readonly view: RecordedView;
}

/** Works out what `GET /explain` shows, from what the workers said. Its work is bounded by the records it looks at. */
export function makeExplainView(
  parts: ExplainParts,
  { cluster: name, namespace, last }: ExplainQuestion,
): ExplainView {
  const { node, sample, accounts } = parts;
  const isIts = (cluster: string): boolean =>
    namespace === "" || parseDestination(cluster).dst_namespace === namespace;
  const published = parts.published.filter(({ cluster }) => cluster.name === name || isIts(cluster.name));
  const seen = accounts.flatMap(seenPicks);
  const asked = published.find(({ cluster }) => cluster.name === name);
  const shown = seen.filter(({ view: { snapshot } }) =>
    asked === undefined ? isIts(snapshot.name) : snapshot.name === name,
  );
  return {
    node,
    sample,
    clusters: name === "" ? published.map((one) => inShort(one, seen)) : [],
    cluster: asked === undefined ? null : explainCluster(asked, parts, shown),
    picks: shown
      .sort((a, b) => wallMsOf(b) - wallMsOf(a))
      .slice(0, last)
      .map(pickView),
  };
}

function seenPicks(account: WorkerAccount): SeenPick[] {
  const views = new Map(account.views.map((view) => [view.number, view]));
  const seen: SeenPick[] = [];
  for (const record of readRecords(newestRecords(account.records, MAX_RECORDS))) {
    const view = views.get(record.view);
    if (view !== undefined) seen.push({ account, record, view });
  }
  return seen;
}

function wallMsOf({ account, record }: SeenPick): number {
  return account.wallMs - (account.nowMs - record.nowMs);
}

function pickView(seen: SeenPick): PickView {
  const { account, record, view } = seen;
  return {
    worker: account.worker,
    number: record.number,
    time: new Date(wallMsOf(seen)).toISOString(),
    cluster: view.snapshot.name,
    ...describePick(record, view),
  };
}

function inShort({ cluster }: PublishedCluster, seen: readonly SeenPick[]): ClusterInShort {
  return {
    name: cluster.name,
    policy: cluster.settings.loadBalancing.policy,
    endpoints: cluster.endpoints.length,
    recorded: seen.filter(({ view }) => view.snapshot.name === cluster.name).length,
  };
}

function explainCluster(
  { cluster, snapshot }: PublishedCluster,
  { accounts, endpoints }: ExplainParts,
  seen: readonly SeenPick[],
): ExplainedCluster {
  const { policy, metric } = cluster.settings.loadBalancing;
  // A worker that has not got the newest snapshot yet would name other endpoints by the same index.
  const current = accounts.filter((account) => account.cluster?.contentHash === snapshot.contentHash);
  const picked = new Map<number, number>();
  const drawn = new Map<number, number>();
  for (const { record } of seen) {
    count(picked, record.picked);
    const slots = new Set(record.reads.map(({ slot }) => slot));
    slots.add(record.picked);
    for (const slot of slots) count(drawn, slot);
  }
  const first = current[0]?.cluster;
  return {
    name: cluster.name,
    policy,
    metric,
    snapshot: snapshot.contentHash,
    workers: current.map((account) => ({
      worker: account.worker,
      tiers: account.cluster!.tiers.map((tier, i) => ({
        tier: tierName(tier),
        share: account.cluster!.shares[i]!,
        candidates: tier.count,
      })),
    })),
    endpoints: cluster.endpoints.map((endpoint, index): ExplainedEndpoint => {
      const slot = snapshot.slotAt(index);
      const at = first === undefined ? -1 : tierOf(first, slot);
      const tier = at < 0 ? undefined : first!.tiers[at]!;
      return {
        endpoint: endpointAddress(snapshot, index),
        zone: endpoint.zone,
        tier: tier === undefined ? "" : tierName(tier),
        leftOut:
          tier !== undefined
            ? ""
            : first === undefined
              ? "no worker has answered"
              : (LEFT_OUT_NAMES[first.leftOut[index]!] ?? "unknown"),
        weight: tier === undefined ? endpoint.weight : tier.weights[tier.slots.indexOf(slot)]!,
        configuredWeight: endpoint.weight,
        inFlight: endpoints.inFlightOf(slot),
        requests: endpoints.requestsOf(slot),
        errors: endpoints.errorsOf(slot),
        picked: picked.get(slot) ?? 0,
        drawn: drawn.get(slot) ?? 0,
      };
    }),
  };
}

function count(counts: Map<number, number>, slot: number): void {
  counts.set(slot, (counts.get(slot) ?? 0) + 1);
}
