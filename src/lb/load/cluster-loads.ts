import type { TierLoads } from "../tier-loads.ts";
import type { EndpointMeasures } from "./endpoint-measures.ts";
import type { UsualStreams } from "./usual-streams.ts";

/** Streams that an endpoint's recent failures count as: see lb/outlier. */
export interface StreamPenalty {
  /** @returns equivalent streams, 0 or more. */
  streams(slot: number, nowMs: number): number;
}

/** What the loads of a cluster are read from. */
export interface LoadSources {
  /** Streams in flight by worker and slot: cell of a row plus slot. */
  readonly inFlight: Int32Array;
  /** Cells of a row of {@link inFlight}. */
  readonly slots: number;
  readonly measures: EndpointMeasures;
  /** Default: failures cost nothing. */
  readonly penalty?: StreamPenalty | undefined;
}

/**
 * The loads of one cluster's endpoints by the metric `in_flight`, and what all metrics have in common. The others compare an
 * endpoint with its cluster: `load = n × F + max(0, F − 1)`, n being the streams in flight and F the endpoint's cost in units of
 * the cluster's usual one. So a load is in streams whatever the metric; an endpoint like the others has just those in flight, so
 * that weights hold; and one that is worse is avoided even while nothing is in flight.
 *
 * {@link follow} and {@link refresh} keep what is usual in the cluster; picks only read.
 */
export class ClusterLoads implements TierLoads {
  /** Whether latencies are to be observed: EndpointMeasures.began and what follows. */
  readonly observesLatency: boolean = false;
  /** Whether {@link refresh} does anything. */
  readonly refreshes: boolean = false;
  /** The cluster's usual latency in ms; 0 while it is not known. */
  referenceMs = 0;
  /** Where {@link usual} is read from; undefined while nobody asks for it. */
  usualStreams: UsualStreams | undefined;
  protected readonly measures: EndpointMeasures;
  /** All of the cluster's endpoints. */
  protected slots: Int32Array = new Int32Array(0);
  readonly #inFlight: Int32Array;
  readonly #row: number;
  readonly #penalty: StreamPenalty | undefined;
  #total = 0;
  #totalAtMs = -1;

  constructor({ inFlight, slots, measures, penalty }: LoadSources) {
    this.#inFlight = inFlight;
    this.#row = slots;
    this.measures = measures;
    this.#penalty = penalty;
  }

  /** Takes the cluster's endpoints. @param weights by the index of `slots`, above 0. */
  follow(slots: Int32Array, _weights: Float64Array): void {
    this.slots = slots;
    this.#totalAtMs = -1;
  }

  /** Finds out anew what is usual in the cluster. To be called several times a second. */
  refresh(_nowMs: number): void {
    // Streams in flight are compared as they are.
  }

  own(slot: number): number {
    const cells = this.#inFlight;
    let sum = cells[slot]!;
    for (let cell = slot + this.#row; cell < cells.length; cell += this.#row) sum += cells[cell]!;
    return sum;
  }

  usual(distance: number): number {
    return this.usualStreams === undefined ? 0 : this.usualStreams.of(distance);
  }

  inFlight(slot: number, nowMs: number): number {
    return this.own(slot) + this.measures.peersOf(slot, nowMs);
  }

  load(slot: number, nowMs: number): number {
    return this.busy(slot, nowMs);
  }

  /** Counted once per turn of the loop, in which `nowMs` stands still. */
  total(nowMs: number): number {
    if (this.#totalAtMs === nowMs) return this.#total;
    let total = 0;
    for (let i = 0; i < this.slots.length; i++) total += this.inFlight(this.slots[i]!, nowMs);
    this.#total = total;
    this.#totalAtMs = nowMs;
    return total;
  }

  /** Streams in flight, and what failures count as. */
  protected busy(slot: number, nowMs: number): number {
    const streams = this.inFlight(slot, nowMs);
    return this.#penalty === undefined ? streams : streams + this.#penalty.streams(slot, nowMs);
  }

  /** @param factor the endpoint's cost in units of the cluster's usual one. */
  protected scaled(slot: number, nowMs: number, factor: number): number {
    const streams = this.busy(slot, nowMs) * factor;
    return factor > 1 ? streams + factor - 1 : streams;
  }
}
