import { buildTiers } from "../../src/lb/build-tiers.ts";
import type { CandidateSet } from "../../src/lb/candidate-set.ts";
import type { PickRequest } from "../../src/lb/picker.ts";
import type { TierLoads } from "../../src/lb/tier-loads.ts";
import { ClusterSnapshot } from "../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../src/resource/encode-cluster-snapshot.ts";
import type { Endpoint } from "../../src/resource/endpoint.ts";
import { SlotRegistry } from "../../src/resource/slot-registry.ts";
import { cluster, endpoint } from "../resource/cluster-builder.ts";

/** A snapshot of these endpoints, with the slots of `registry`. */
export function snapshotOf(
  endpoints: readonly Endpoint[],
  registry = new SlotRegistry({ workerCount: 1 }),
): ClusterSnapshot {
  const source = cluster(endpoints);
  return new ClusterSnapshot(encodeClusterSnapshot(source, registry.assign(source)));
}

/** Candidates with these weights. Their slots are not their indexes, so that mixing the two up is found. */
export function candidatesOf(weights: readonly number[]): CandidateSet {
  const registry = new SlotRegistry({ workerCount: 1 });
  const ballast = cluster(
    [1000, 1001, 1002].map((n) => endpoint(n)),
    { name: "ballast:1" },
  );
  registry.assign(ballast);
  const endpoints = weights.map((weight, n) => endpoint(n, { weight }));
  const place = { node: "", zone: "zone-a", region: "" };
  return buildTiers(snapshotOf(endpoints, registry), place, () => 0).tiers[0]!;
}

/** A request as the data path makes it; slots in `tried` have had it before. */
export function request(sequence = 0, tried: readonly number[] = []): PickRequest {
  return { sequence, hash: 0, triedCount: tried.length, tried: Int32Array.from([...tried, -1, -1]) };
}

/** Loads by slot that also notes which slots were read. */
export class RecordedLoads implements TierLoads {
  readonly bySlot = new Map<number, number>();
  /** What is usual on all tiers, per weight. */
  usualStreams = 0;
  readonly read: number[] = [];

  inFlight(slot: number): number {
    this.read.push(slot);
    return this.bySlot.get(slot) ?? 0;
  }

  load(slot: number): number {
    return this.inFlight(slot);
  }

  own(slot: number): number {
    return this.inFlight(slot);
  }

  usual(): number {
    return this.usualStreams;
  }

  total(): number {
    return [...this.bySlot.values()].reduce((sum, load) => sum + load, 0);
  }

  add(slot: number, change: number): void {
    this.bySlot.set(slot, (this.bySlot.get(slot) ?? 0) + change);
  }
}
