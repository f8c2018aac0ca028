import { SeededRandom } from "../../../src/base/random.ts";
import { buildTiers } from "../../../src/lb/build-tiers.ts";
import { ClusterLoads } from "../../../src/lb/load/cluster-loads.ts";
import { EndpointMeasures } from "../../../src/lb/load/endpoint-measures.ts";
import type { PickRequest } from "../../../src/lb/picker.ts";
import { TieredPicker } from "../../../src/lb/tiered-picker.ts";
import { ZoneBalancer } from "../../../src/lb/zone/zone-balancer.ts";
import { clusterSettings } from "../../../src/resource/cluster-settings.ts";
import { ClusterSnapshot } from "../../../src/resource/cluster-snapshot.ts";
import { encodeClusterSnapshot } from "../../../src/resource/encode-cluster-snapshot.ts";
import { SlotRegistry } from "../../../src/resource/slot-registry.ts";
import { cluster, endpoint } from "../../resource/cluster-builder.ts";

/** One zone: how many of what, and how they change. */
export interface SimulatedZone {
  readonly endpoints: number;
  readonly proxies: number;
  /** Requests per second of the zone's proxies together, at a time. */
  readonly rate: (seconds: number) => number;
  /** Mean time of one request at an endpoint, which works on one at a time; default 10 ms. */
  readonly serviceMs?: (seconds: number) => number;
}

/** A run of a fleet over zones. */
export interface ZoneScenario {
  readonly zones: readonly SimulatedZone[];
  readonly seconds: number;
  readonly seed: number;
  /** One way between zones, in ms; default 0.5. */
  readonly crossMs?: number;
  /** Interval of peer reports in ms, which are as old when they come and are means over about 2 s; 0: there are none. */
  readonly peerReportMs?: number;
  /** Share of each zone's requests that stays, whatever the load; default: the product decides. */
  readonly fixedShares?: readonly number[];
}

/** What a run showed. */
export interface ZoneResult {
  /** By 5-second window: 99th percentile of latency in ms, and by zone the share that stayed. */
  readonly windows: readonly { readonly p99: number; readonly stayed: readonly number[] }[];
}

const WINDOW_MS = 5_000;
const TICK_MS = 250;

interface Proxy {
  readonly zone: number;
  readonly inFlight: Int32Array;
  readonly measures: EndpointMeasures;
  readonly loads: ClusterLoads;
  readonly balancer: ZoneBalancer | undefined;
  readonly set: ReturnType<typeof buildTiers>;
  tiered: TieredPicker;
  readonly request: PickRequest;
}

/** Runs the product's tiers, pickers and spill control in virtual time: Poisson arrivals, exponential work, one at a time per endpoint. */
export function simulateZones(scenario: ZoneScenario): ZoneResult {
  const { zones, seconds, seed, crossMs = 0.5, peerReportMs = 0, fixedShares } = scenario;
  const random = new SeededRandom(seed);
  const zoneOf = zones.flatMap(({ endpoints }, zone) => Array.from({ length: endpoints }, () => zone));
  const snapshot = snapshotOf(zoneOf);
  const indexBySlot = new Map(zoneOf.map((_, index) => [snapshot.slotAt(index), index]));
  const slots = Int32Array.from(zoneOf, (_, index) => snapshot.slotAt(index));
  const slotCount = Math.max(...slots) + 1;
  const { loadBalancing } = snapshot.settings;
  const proxies: Proxy[] = zones.flatMap(({ proxies: count }, zone) =>
    Array.from({ length: count }, (_, n) => {
      const inFlight = new Int32Array(slotCount);
      const measures = new EndpointMeasures(1, slotCount);
      const loads = new ClusterLoads({ inFlight, slots: slotCount, measures });
      const set = buildTiers(snapshot, { node: "", zone: `zone-${zone}`, region: "" }, () => 0);
      const share = fixedShares?.[zone];
      const tiered = new TieredPicker(set, loadBalancing);
      return {
        zone,
        inFlight,
        measures,
        loads,
        set,
        balancer: share === undefined ? new ZoneBalancer(`proxy-${zone}-${n}`, measures) : undefined,
        tiered: share === undefined ? tiered : tiered.withShares(Float64Array.of(share, 1 - share)),
        request: { sequence: 0, hash: 0, triedCount: 0, tried: new Int32Array(4) },
      };
    }),
  );

  const freeAtMs = new Float64Array(zoneOf.length);
  const events = new EventQueue();
  const windows = Array.from({ length: Math.ceil((seconds * 1000) / WINDOW_MS) }, () => ({
    latencies: [] as number[],
    stayed: zones.map(() => 0),
    sent: zones.map(() => 0),
  }));
  const exponential = (mean: number): number => -mean * Math.log(1 - random.nextFloat());
  for (let zone = 0; zone < zones.length; zone++) events.push(1 + random.nextFloat(), ARRIVAL, zone, 0, 0);
  for (const n of proxies.keys()) events.push(1 + TICK_MS * random.nextFloat(), TICK, n, 0, 0);
  if (peerReportMs > 0) events.push(1 + peerReportMs, PEERS, 0, 0, 0);
  const means = new Map(proxies.map((proxy) => [proxy, new Float64Array(slots.length)]));
  let reported: ReadonlyMap<Proxy, Float64Array> | undefined;
  if (peerReportMs > 0) events.push(1, SAMPLE, 0, 0, 0);

  for (;;) {
    const { atMs, kind, a, b, beganMs } = events.pop();
    if (atMs >= seconds * 1000) break;
    if (kind === ARRIVAL) {
      const zone = zones[a]!;
      events.push(atMs + exponential(1000 / zone.rate(atMs / 1000)), ARRIVAL, a, 0, 0);
      const own = proxies.filter((proxy) => proxy.zone === a);
      const proxy = own[random.nextInt(own.length)]!;
      const slot = proxy.tiered.pick(proxy.request, proxy.loads, random, atMs);
      const index = indexBySlot.get(slot)!;
      const target = zoneOf[index]!;
      const wayMs = target === a ? 0 : crossMs;
      const service = exponential(zones[target]!.serviceMs?.(atMs / 1000) ?? 10);
      const endMs = Math.max(atMs + wayMs, freeAtMs[index]!) + service;
      freeAtMs[index] = endMs;
      proxy.inFlight[slot]!++;
      proxy.measures.began(0, slot, atMs);
      const window = windows[Math.floor(atMs / WINDOW_MS)]!;
      window.sent[a]!++;
      if (target === a) window.stayed[a]!++;
      events.push(endMs + wayMs, ANSWER, proxies.indexOf(proxy), slot, atMs);
    } else if (kind === ANSWER) {
      const proxy = proxies[a]!;
      proxy.inFlight[b]!--;
      proxy.measures.waitedFor(0, b, beganMs);
      proxy.measures.observeLatency(0, b, atMs - beganMs, atMs);
      windows[Math.floor(beganMs / WINDOW_MS)]!.latencies.push(atMs - beganMs);
    } else if (kind === TICK) {
      const proxy = proxies[a]!;
      events.push(atMs + TICK_MS, TICK, a, 0, 0);
      const shares = proxy.balancer?.balance(atMs, proxy.set, loadBalancing, proxy.loads);
      if (shares !== undefined) proxy.tiered = proxy.tiered.withShares(shares);
    } else if (kind === SAMPLE) {
      events.push(atMs + SAMPLE_MS, SAMPLE, 0, 0, 0);
      for (const [{ inFlight }, mean] of means)
        for (const [i, slot] of slots.entries())
          mean[i]! += (inFlight[slot]! - mean[i]!) * (SAMPLE_MS / MEAN_MS);
    } else {
      events.push(atMs + peerReportMs, PEERS, 0, 0, 0);
      if (reported !== undefined) reportPeers(reported, slots, atMs - peerReportMs - MEAN_MS / 2);
      reported = new Map([...means].map(([proxy, mean]) => [proxy, mean.slice()]));
    }
  }
  return {
    windows: windows.map(({ latencies, stayed, sent }) => ({
      p99: latencies.sort((x, y) => x - y)[Math.floor(latencies.length * 0.99)] ?? 0,
      stayed: stayed.map((count, zone) => count / sent[zone]!),
    })),
  };
}

function reportPeers(reported: ReadonlyMap<Proxy, Float64Array>, slots: Int32Array, atMs: number): void {
  const totals = new Float64Array(slots.length);
  for (const mean of reported.values()) for (const [i, streams] of mean.entries()) totals[i]! += streams;
  for (const [{ measures }, mean] of reported)
    for (const [i, slot] of slots.entries())
      measures.peerInFlight(slot, Math.max(0, totals[i]! - mean[i]!), atMs);
}

function snapshotOf(zoneOf: readonly number[]): ClusterSnapshot {
  const endpoints = zoneOf.map((zone, n) => endpoint(n, { zone: `zone-${zone}` }));
  const source = cluster(endpoints, { settings: clusterSettings({}) });
  return new ClusterSnapshot(
    encodeClusterSnapshot(source, new SlotRegistry({ workerCount: 1 }).assign(source)),
  );
}

const ARRIVAL = 0;
const ANSWER = 1;
const TICK = 2;
const PEERS = 3;
const SAMPLE = 4;
const SAMPLE_MS = 100;
/** Over how long reports are means: momentary counts would be outdated when they come, and draw everybody to the same endpoints. */
const MEAN_MS = 2_000;

interface Event {
  readonly atMs: number;
  readonly kind: number;
  readonly a: number;
  readonly b: number;
  readonly beganMs: number;
}

/** A binary heap by time. */
class EventQueue {
  readonly #heap: Event[] = [];

  push(atMs: number, kind: number, a: number, b: number, beganMs: number): void {
    const heap = this.#heap;
    let at = heap.push({ atMs, kind, a, b, beganMs }) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.atMs <= atMs) break;
      [heap[parent], heap[at]] = [heap[at]!, heap[parent]!];
      at = parent;
    }
  }

  pop(): Event {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      if (left >= heap.length) return first;
      const right = left + 1;
      const child = right < heap.length && heap[right]!.atMs < heap[left]!.atMs ? right : left;
      if (heap[child]!.atMs >= heap[at]!.atMs) return first;
      [heap[child], heap[at]] = [heap[at]!, heap[child]!];
      at = child;
    }
  }
}
