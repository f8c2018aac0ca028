import type { Random } from "../base/random.ts";
import type { CandidateSet } from "./candidate-set.ts";

/** What a pick may know about the request. The caller reuses one object for all picks. */
export interface PickRequest {
  /** How many picks this cluster has seen before, moves and retries included; starts anywhere, wraps at 2^32. */
  sequence: number;
  /** Hash of what the cluster or the route hashes on, unsigned 32 bits; 0 where nothing is. */
  hash: number;
  /** How many leading entries of {@link tried} count. */
  triedCount: number;
  /** Endpoint slots this request has already been sent to. */
  readonly tried: Int32Array;
}

/**
 * The changing part of what a pick looks at: each method returns one number, so that a record of a pick is a list of numbers.
 * Shared memory: two calls may differ.
 */
export interface LoadReader {
  /** @returns streams open on that endpoint slot now, of this process and as other proxies reported theirs; 0 or more. */
  inFlight(slot: number, nowMs: number): number;
  /** @returns the endpoint's load by the cluster's metric, in equivalent streams, 0 or more: see {@link ClusterLoads}. */
  load(slot: number, nowMs: number): number;
  /** @returns streams open in the whole cluster, for policies that bound an endpoint's share. */
  total(nowMs: number): number;
}

/**
 * Chooses an endpoint for a stream. A policy is a load metric × {@link CandidateSet} × a choice.
 *
 * A pick is pure: the same candidates, request, draws, loads read and `nowMs` give the same index. It reads the load
 * of an endpoint at most once, and only of endpoints it drew, so that a record of a pick is short and replays
 * exactly although other threads change loads meanwhile. It allocates nothing.
 *
 * Pickers keep no state of their own: state that must outlive an update (load, set-aside flags, averages) is kept by
 * endpoint slot outside, and a new candidate set gets a new picker.
 */
export interface Picker {
  readonly candidates: CandidateSet;

  /** Makes a share of what the first pick would have to make otherwise, where that takes long. @returns whether some is left. */
  prepare?(): boolean;

  /** Has picks go by what another picker of the policy has, as far as its candidates are these, until {@link prepare} is through. */
  follow?(former: Picker): void;

  /** Whether picks go by these candidates alone; default: they always do. */
  readonly isPrepared?: boolean;

  /**
   * @param nowMs for policies whose metric ages.
   * @returns the index of a candidate; one in `request.tried` only when no other is left; -1 only when there are none.
   */
  pick(request: PickRequest, loads: LoadReader, random: Random, nowMs: number): number;
}
