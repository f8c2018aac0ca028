/**
 * Why these endpoints are the candidates. `local`: healthy ones of the node's own zone; `any`: healthy ones of all
 * zones, because the own zone has none; `panic`: all there are, because none is fit.
 */
export type CandidateTier = "local" | "any" | "panic";

/**
 * The endpoints a picker chooses from, decided beforehand so that a pick never filters. Immutable; the owner of a
 * cluster builds another one when the snapshot or a set-aside flag changes.
 */
export interface CandidateSet {
  readonly tier: CandidateTier;
  /** Number of candidates; 0 only when the cluster has no endpoint. */
  readonly count: number;
  /** Endpoint slot by candidate index, in the order of the snapshot. */
  readonly slots: Int32Array;
  /** Weight by candidate index, greater than 0. */
  readonly weights: Float64Array;
  /** Whether all weights are the same, which allows the shorter draws. */
  readonly equalWeights: boolean;
  /** How many candidates are in the node's own zone. */
  readonly localCount: number;
}
