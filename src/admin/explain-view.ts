import type { PickAccount } from "../lb/record/describe-pick.ts";

/** A recorded pick as the admin server shows it. */
export interface PickView extends PickAccount {
  readonly worker: number;
  /** Counted by the worker from 1. */
  readonly number: number;
  /** ISO 8601, in UTC. */
  readonly time: string;
  readonly cluster: string;
}

/** A tier of a cluster's candidates. */
export interface TierView {
  /** How near it is, and its priority or panic. */
  readonly tier: string;
  /** Share of the picks, 0 to 1. */
  readonly share: number;
  readonly candidates: number;
}

/** An endpoint as a worker sees it, and what is counted about it. */
export interface ExplainedEndpoint {
  /** `address:port`. */
  readonly endpoint: string;
  readonly zone: string;
  /** The tier it is a candidate of; "" for one that is left out. */
  readonly tier: string;
  /** Why it is left out; "" for a candidate. */
  readonly leftOut: string;
  /** As it counts now, and as configured. */
  readonly weight: number;
  readonly configuredWeight: number;
  readonly inFlight: number;
  readonly requests: number;
  readonly errors: number;
  /** How many of the newest recorded picks chose it, and how many had it drawn; all workers together. */
  readonly picked: number;
  readonly drawn: number;
}

/** Why requests of one cluster go where they go. */
export interface ExplainedCluster {
  readonly name: string;
  readonly policy: string;
  readonly metric: string;
  /** Content hash of the snapshot. */
  readonly snapshot: string;
  /** By worker; they differ when one has learned something that the others have not. Endpoints are shown as the first one sees them. */
  readonly workers: readonly { readonly worker: number; readonly tiers: readonly TierView[] }[];
  readonly endpoints: readonly ExplainedEndpoint[];
}

/** One cluster in a line. */
export interface ClusterInShort {
  readonly name: string;
  readonly policy: string;
  readonly endpoints: number;
  /** How many of the newest recorded picks are its. */
  readonly recorded: number;
}

/** The answer to `GET /explain`. */
export interface ExplainView {
  readonly node: string;
  /** Share of the picks that is recorded. */
  readonly sample: number;
  /** Without a cluster's name: all of them. */
  readonly clusters: readonly ClusterInShort[];
  /** The cluster asked for. */
  readonly cluster: ExplainedCluster | null;
  /** The newest first; of the cluster asked for, or of all. */
  readonly picks: readonly PickView[];
}

/** What is asked of `GET /explain`. */
export interface ExplainQuestion {
  /** "" for all. */
  readonly cluster: string;
  /** Only clusters of this namespace and their picks, where no cluster is named; "" for all. */
  readonly namespace: string;
  /** Picks shown at most. */
  readonly last: number;
}
