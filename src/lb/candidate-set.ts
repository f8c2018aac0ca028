/**
 * How near the candidates of a tier are: on the proxy's own node, in its zone, in its region, or anywhere. Where nearness is not asked for
 * (`distribution: none`) all are `any`.
 */
export const TIER_NAMES = ["node", "zone", "region", "any"] as const;

/** One of {@link TIER_NAMES}. */
export type TierName = (typeof TIER_NAMES)[number];

/**
 * The endpoints a picker chooses from, decided beforehand so that a pick never filters. Plain data and immutable; the owner of a
 * cluster builds another one when the snapshot, a set-aside flag or a weight changes.
 */
export interface CandidateSet {
  readonly tier: TierName;
  /** Of all its endpoints; 0 is preferred. */
  readonly priority: number;
  /** Health is ignored, because too few endpoints are healthy. */
  readonly panic: boolean;
  /** Number of candidates; 0 only when no endpoint of the cluster may be used. */
  readonly count: number;
  /** Index in the snapshot by candidate index, ascending. */
  readonly indexes: Int32Array;
  /** Endpoint slot by candidate index. */
  readonly slots: Int32Array;
  /** Weight by candidate index, greater than 0. */
  readonly weights: Float64Array;
  /** Of a slice of a tier: whole weights, of which {@link weights} are this proxy's parts. */
  readonly capacities?: Float64Array | undefined;
  /** Whether all weights are the same, which allows the shorter draws. */
  readonly equalWeights: boolean;
  /** How many candidates are in the node's own zone. */
  readonly localCount: number;
  /** When each candidate was new, in ms; 0: it was always there. Only where slow start is on and one of them is new. */
  readonly rampFromMs?: Float64Array;
  /** The latest of these; default: to be looked for. */
  readonly rampLastMs?: number;
  /** Two hashes of each candidate's key. Only for policies that hash. */
  readonly keyHashes?: Uint32Array;
  /** Where these are a slice of a tier: all of the tier that is fit, these included, for when the slice is busy. See OverflowPicker. */
  readonly beyond?: CandidateSet | undefined;
}
