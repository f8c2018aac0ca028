import { SeededRandom } from "../../base/random.ts";
import { buildTiers } from "../../lb/build-tiers.ts";
import { candidateColumns } from "../../lb/candidate-columns.ts";
import { LEFT_OUT_NAMES } from "../../lb/left-out.ts";
import type { Place } from "../../lb/place.ts";
import { NO_SLOT } from "../../lb/record/pick-layout.ts";
import { tierName } from "../../lb/record/pick-view.ts";
import { RecordingLoads } from "../../lb/record/recording-loads.ts";
import { endpointAddress } from "../../lb/record/slot-names.ts";
import { TieredPicker } from "../../lb/tiered-picker.ts";
import { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../resource/encode-cluster-snapshot.ts";
import type { Fleet } from "../../resource/fleet.ts";
import type { ServiceModel } from "../../resource/service.ts";
import type { NodeView } from "../../xds/resources/node-view.ts";
import { endpointHashes } from "./endpoint-hashes.ts";
import type { PageSource } from "./page-source.ts";
import type { ExplainedPick, ExplainView } from "./page-view.ts";
import { ReportedLoads } from "./reported-loads.ts";

/** Picks that are simulated: enough for shares of a percent; some milliseconds. */
const PICKS = 2_000;
const SHOWN_PICKS = 8;
const MAX_ENDPOINTS = 500;
/** Always the same draws, so that what changes between two answers is what is known. */
const SEED = 1;
/** Slow start is over for endpoints of which it is not known when they were new. */
const LONG_AGO_MS = 1e9;

/** @param place of a caller. @returns what the picker of a proxy there would choose with what is known here. */
export function explainPick(source: PageSource, model: ServiceModel, place: Place): ExplainView {
  const { cluster } = model;
  const { endpoints, name } = cluster;
  const { loadBalancing } = cluster.settings;
  const { book, roster } = source.loads;
  const slots = Int32Array.from(endpoints.keys());
  const snapshot = new ClusterSnapshot(
    encodeClusterSnapshot(cluster, {
      clusterSlot: 0,
      endpointSlots: slots,
      endpointGenerations: new Int32Array(endpoints.length).fill(1),
    }),
  );
  const load = book.of(name);
  const hashes = endpointHashes(cluster);
  const streams = Float64Array.from(hashes, (hash) => load?.streams.get(hash) ?? 0);
  const member = place.node === "" ? undefined : roster.find(place.node);
  const fleet = loadBalancing.subset.enabled ? fleetOf(member, place) : undefined;
  const built = buildTiers(snapshot, place, undefined, { fleet });
  const tierSet = built.map((tier) => ({ ...tier, ...candidateColumns(snapshot, tier.indexes) }));
  const picker = new TieredPicker(tierSet, loadBalancing);
  const counts = new Float64Array(endpoints.length);
  const picks = simulate(picker, new RecordingLoads(new ReportedLoads(streams)), counts, (slot) =>
    endpointAddress(snapshot, slot),
  );
  const weights = Float64Array.from(endpoints, ({ weight }) => weight);
  tierSet.tiers.forEach((tier, at) => {
    for (let i = 0; i < tier.count; i++)
      if (tierSet.tierAt(tier.indexes[i]!) === at) weights[tier.indexes[i]!] = tier.weights[i]!;
  });
  const lines = endpoints.map((endpoint, index) => {
    const at = tierSet.tierAt(index);
    const tier = at < 0 ? undefined : tierSet.tiers[at]!;
    return {
      endpoint: endpointAddress(snapshot, index),
      zone: endpoint.zone,
      tier: tier === undefined ? "" : tierName(tier),
      leftOut: tier === undefined ? (LEFT_OUT_NAMES[tierSet.leftOut(index)] ?? "") : "",
      inFlight: streams[index]!,
      weight: weights[index]!,
      picked: counts[index]! / PICKS,
    };
  });
  lines.sort((a, b) => b.picked - a.picked || (a.endpoint < b.endpoint ? -1 : 1));
  return {
    at: new Date().toISOString(),
    service: name,
    ...place,
    policy: loadBalancing.policy,
    metric: loadBalancing.metric,
    notes: notesOf(model, place, member, load === undefined),
    tiers: tierSet.tiers.map((tier, i) => ({
      tier: tierName(tier),
      share: tierSet.shares[i]!,
      candidates: tier.count,
      panic: tier.panic,
    })),
    endpoints: lines.slice(0, MAX_ENDPOINTS),
    omitted: Math.max(0, lines.length - MAX_ENDPOINTS),
    simulated: PICKS,
    picks,
  };
}

/** @param counts by slot, to be counted up. @returns the first picks, told. */
function simulate(
  picker: TieredPicker,
  loads: RecordingLoads,
  counts: Float64Array,
  nameOf: (slot: number) => string,
): ExplainedPick[] {
  const random = new SeededRandom(SEED);
  const request = { sequence: 0, hash: 0, triedCount: 0, tried: new Int32Array(1) };
  const told: ExplainedPick[] = [];
  for (let i = 0; i < PICKS; i++) {
    request.sequence = i;
    request.hash = random.nextInt(2 ** 31) + 1;
    loads.count = 0;
    const slot = picker.pick(request, loads, random, LONG_AGO_MS);
    if (slot < 0) return told;
    counts[slot]!++;
    if (told.length === SHOWN_PICKS) continue;
    const drawn = new Map<number, number>();
    for (let read = 0; read < Math.min(loads.count, loads.slots.length); read++)
      if (loads.slots[read] !== NO_SLOT) drawn.set(loads.slots[read]!, loads.values[read]!);
    told.push({
      tier: tierName(picker.tierSet.tiers[picker.pickedTier]!),
      drawn: [...drawn].map(([each, load]) => ({ endpoint: nameOf(each), load })),
      winner: nameOf(slot),
    });
  }
  return told;
}

function fleetOf(member: NodeView | undefined, { zone }: Place): Fleet | undefined {
  if (member === undefined || member.count < 2) return undefined;
  const { index: nodeIndex, count: nodeCount, zoneIndex, zoneCount, members, zoneMembers } = member;
  const inZone = zone !== "" && zone === member.zone ? { zoneIndex, zoneCount, zoneMembers } : {};
  return { nodeIndex, nodeCount, members, ...inZone };
}

function notesOf(
  { cluster, routes }: ServiceModel,
  { node }: Place,
  member: NodeView | undefined,
  isSilent: boolean,
): string[] {
  const { policy, metric, subset, locality, slowStart } = cluster.settings.loadBalancing;
  const where = node === "" ? "`isobar explain` on a node" : `\`isobar explain\` on ${node}`;
  const notes = [
    `Simulated here with the proxies' own picker, from the services that are served and the streams in flight that callers report. What only a node knows, such as endpoints that it cannot connect to or has ejected, is told by ${where}.`,
  ];
  if (isSilent) notes.push("No caller reports any load of this service: all endpoints count as idle.");
  if (metric !== "in_flight" && policy === "least_request")
    notes.push(`Nodes compare by ${metric}, which they measure themselves; here it is streams in flight.`);
  if (policy.startsWith("module:"))
    notes.push(`${policy} runs on the nodes; here least_request stands in for it.`);
  if (policy === "client_side_weighted_round_robin")
    notes.push(
      "Nodes weigh endpoints by what these report of themselves; here they have their configured weights.",
    );
  if (locality.distribution !== "none" && !locality.strict)
    notes.push(
      "Shares of tiers follow health; each node moves load between them by what it measures as well.",
    );
  if (subset.enabled)
    notes.push(
      member === undefined
        ? "The service is shared out among the proxies in subsets; without the name of a node all endpoints count."
        : "The node's subset is made for an average share of the service's traffic.",
    );
  if (slowStart !== null) notes.push("Slow start of new endpoints is left out.");
  if (routes.length > 0)
    notes.push(
      "The service has routes: requests that they send elsewhere, or to a part of the endpoints, go there.",
    );
  return notes;
}
