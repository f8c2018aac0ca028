import { LEFT_OUT_NAMES, LeftOut } from "../lb/left-out.ts";
import type { PickAccount } from "../lb/record/describe-pick.ts";
import { describePick } from "../lb/record/describe-pick.ts";
import { newestRecords, readRecords } from "../lb/record/pick-record.ts";
import { tierName } from "../lb/record/pick-view.ts";
import { endpointAddress } from "../lb/record/slot-names.ts";
import type { AuthorityState } from "./authority-view.ts";
import type { ClusterBalance } from "./cluster-balance.ts";
import type { ServiceDirectory } from "./service-directory.ts";

/** Records that are looked at for one answer. */
const MAX_RECORDS = 4_096;

/** An endpoint as this process sees it. */
export interface ExplainedEndpoint {
  /** `address:port`. */
  readonly endpoint: string;
  readonly zone: string;
  /** Which candidates it is among: how near they are, and their priority or panic; "" for one that is left out. */
  readonly tier: string;
  /** Why it is left out; "" for a candidate. */
  readonly leftOut: string;
  /** As it counts now. */
  readonly weight: number;
  readonly inFlight: number;
  /** Attempts begun, and those of them that it failed. */
  readonly requests: number;
  readonly errors: number;
}

/** Why calls of one cluster go where they go. */
export interface ExplainedCluster {
  readonly name: string;
  readonly policy: string;
  readonly metric: string;
  /** Content hash of what is known: equal in a proxy that believes the same. */
  readonly snapshot: string;
  readonly tiers: readonly { readonly tier: string; readonly share: number; readonly candidates: number }[];
  readonly endpoints: readonly ExplainedEndpoint[];
}

/** A service that a channel is open for. */
export interface ExplainedService {
  readonly name: string;
  /** `cluster` or `routes`: calls go to endpoints. `node`: to the node's proxy. `asking`: they wait. `absent`, `unreachable`: they fail. */
  readonly state: AuthorityState;
  /** Why, where calls fail. */
  readonly reason: string;
  readonly clusters: readonly ExplainedCluster[];
}

/** A recorded pick. */
export interface ExplainedPick extends PickAccount {
  readonly cluster: string;
  /** ISO 8601, in UTC. */
  readonly time: string;
}

/** What this process knows, and what it did with it. */
export interface ExplainedClient {
  readonly id: string;
  readonly node: string;
  readonly zone: string;
  /** undefined where none is configured. */
  readonly controlPlane: { readonly address: string; readonly connected: boolean } | undefined;
  readonly services: readonly ExplainedService[];
  /** The newest recorded picks first; none while `explainSample` is 0. */
  readonly picks: readonly ExplainedPick[];
}

/** @param service only of this one; "" for all. @param last picks at most. */
export function explainServices(directory: ServiceDirectory, service: string, last: number): ExplainedClient {
  const { settings, views, controlPlane, clusters } = directory;
  const shown = [...views].filter(({ name, users }) => users > 0 && (service === "" || name === service));
  const names = new Set(shown.flatMap(({ clusterNames }) => [...clusterNames]));
  return {
    id: settings.id,
    node: settings.node,
    zone: settings.zone,
    controlPlane,
    services: shown.map(({ name, state, reason, clusterNames }) => ({
      name,
      state,
      reason,
      clusters: [...clusterNames].flatMap((cluster) => {
        const known = clusters.get(cluster);
        return known === undefined ? [] : [explainCluster(directory, known)];
      }),
    })),
    picks: recordedPicks(directory, names, last),
  };
}

function explainCluster({ table }: ServiceDirectory, cluster: ClusterBalance): ExplainedCluster {
  const { snapshot, built, tiered } = cluster;
  const { counters } = table;
  const { policy, metric } = snapshot.settings.loadBalancing;
  const reasons = built.allLeftOut();
  return {
    name: cluster.name,
    policy,
    metric,
    snapshot: snapshot.contentHash,
    tiers: built.tiers.map((tier, i) => ({
      tier: tierName(tier),
      share: tiered.tierSet.shares[i]!,
      candidates: tier.count,
    })),
    endpoints: Array.from({ length: snapshot.count }, (_, index): ExplainedEndpoint => {
      const slot = snapshot.slotAt(index);
      const tier = built.tiers[built.tierAt(index)];
      return {
        endpoint: endpointAddress(snapshot, index),
        zone: snapshot.zoneAt(index),
        tier: tier === undefined ? "" : tierName(tier),
        leftOut: reasons[index] === LeftOut.not ? "" : (LEFT_OUT_NAMES[reasons[index]!] ?? ""),
        weight: tier === undefined ? snapshot.weightAt(index) : tier.weights[tier.slots.indexOf(slot)]!,
        inFlight: counters.inFlightOf(slot),
        requests: counters.requestsOf(slot),
        errors: counters.errorsOf(slot),
      };
    }),
  };
}

function recordedPicks(
  { recorder, clock }: ServiceDirectory,
  clusters: ReadonlySet<string>,
  last: number,
): ExplainedPick[] {
  const { records, views } = recorder.all();
  const byNumber = new Map(views.map((view) => [view.number, view]));
  const sinceMs = Date.now() - clock.nowMs();
  const picks: ExplainedPick[] = [];
  for (const record of [...readRecords(newestRecords(records, MAX_RECORDS))].reverse()) {
    const view = byNumber.get(record.view);
    if (view === undefined || !clusters.has(view.snapshot.name)) continue;
    if (picks.length === last) break;
    const time = new Date(sinceMs + record.nowMs).toISOString();
    picks.push({ cluster: view.snapshot.name, time, ...describePick(record, view) });
  }
  return picks;
}
