import { SeededRandom } from "../../../src/base/random.ts";
import { buildTiers } from "../../../src/lb/build-tiers.ts";
import type { BuiltTiers } from "../../../src/lb/built-tiers.ts";
import { candidateColumns } from "../../../src/lb/candidate-columns.ts";
import type { PickRequest } from "../../../src/lb/picker.ts";
import { PickCause } from "../../../src/lb/record/pick-layout.ts";
import type { PickRecorder, PickSource } from "../../../src/lb/record/pick-recorder.ts";
import type { TierLoads } from "../../../src/lb/tier-loads.ts";
import { TieredPicker } from "../../../src/lb/tiered-picker.ts";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import { ClusterSnapshot } from "../../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../../src/resource/encode-cluster-snapshot.ts";
import type { Endpoint } from "../../../src/resource/endpoint.ts";
import type { LoadBalancing } from "../../../src/resource/load-balancing.ts";
import { SlotRegistry } from "../../../src/resource/slot-registry.ts";
import { cluster, endpoint } from "../../resource/cluster-builder.ts";

/** How many random loads differ: small, so that ties are frequent. */
const LOADS = 6;

/** One of 6 proxies, and of 3 in its zone: what subsets are made by. */
const FLEET = { nodeIndex: 1, nodeCount: 6, zoneIndex: 1, zoneCount: 3 };

/** A cluster that picks, as the data path has it but for its surroundings. */
export class TestCluster implements PickSource {
  readonly snapshot: ClusterSnapshot;
  readonly built: BuiltTiers;
  lastTiered: TieredPicker;
  #picks = 0;

  /** @param ramps by endpoint slot: when it was new; 0: always there. */
  constructor(
    endpoints: readonly Endpoint[],
    loadBalancing: Partial<LoadBalancing>,
    registry: SlotRegistry = new SlotRegistry({ workerCount: 1 }),
    ramps: Float64Array = new Float64Array(64),
  ) {
    const source = cluster(endpoints, { settings: clusterSettings({ loadBalancing }) });
    const snapshot = new ClusterSnapshot(encodeClusterSnapshot(source, registry.assign(source)));
    this.snapshot = snapshot;
    this.built = buildTiers(snapshot, { node: "node-a", zone: "zone-a", region: "region-a" }, () => 0, {
      fleet: FLEET,
      columns: (indexes) => candidateColumns(snapshot, indexes, ramps),
    });
    this.lastTiered = new TieredPicker(this.built, snapshot.settings.loadBalancing);
  }

  /** Gives tiers other shares, as spillover does. */
  share(shares: Float64Array): void {
    this.lastTiered = this.lastTiered.withShares(shares);
  }

  pick(request: PickRequest, loads: TierLoads, random: SeededRandom, nowMs: number): number {
    request.sequence = this.#picks++;
    return this.lastTiered.pick(request, loads, random, nowMs);
  }
}

/** Loads that are different at every look, as other threads change them. */
export function changingLoads(seed: number): TierLoads {
  const random = new SeededRandom(seed);
  return {
    inFlight: () => random.nextInt(LOADS),
    load: () => random.nextInt(LOADS) * 1.25,
    total: () => random.nextInt(100),
    own: () => random.nextInt(LOADS),
    usual: () => random.nextFloat() * LOADS * 0.5,
  };
}

/** Endpoints of three zones and two regions, every third one of weight 3, some of the second priority. */
export function mixedEndpoints(count: number): Endpoint[] {
  return Array.from({ length: count }, (_, n) =>
    endpoint(n, {
      zone: `zone-${"abc"[n % 3]}`,
      region: n % 3 === 2 ? "region-b" : "region-a",
      node: n % 5 === 0 ? "node-a" : "node-b",
      weight: n % 3 === 0 ? 3 : 1,
      priority: n % 7 === 6 ? 1 : 0,
    }),
  );
}

/** Lets a recorder record picks: some of requests that have been somewhere before, some with a hash. @returns what was picked. */
export function recordPicks(recorder: PickRecorder, cluster: TestCluster, count: number, seed = 1): number[] {
  const random = new SeededRandom(seed);
  const loads = changingLoads(seed + 1);
  const slots = cluster.built.tiers.flatMap((tier) => [...tier.slots]);
  const request: PickRequest = { sequence: 0, hash: 0, triedCount: 0, tried: new Int32Array(8) };
  return Array.from({ length: count }, (_, i) => {
    request.hash = i % 2 === 0 ? 0 : random.nextInt(2 ** 31);
    request.triedCount = i % 4 === 3 ? Math.min(1 + (i % 3), slots.length) : 0;
    for (let t = 0; t < request.triedCount; t++) request.tried[t] = slots[(i + t) % slots.length]!;
    return recorder.record(cluster, request, loads, random, i * 7.25, PickCause.first);
  });
}
