import type { Random } from "../base/random.ts";
import { SeededRandom } from "../base/random.ts";
import { emptyLoadReport, NOT_REPORTED } from "../grpc/load-report.ts";
import type { ClusterLoads } from "../lb/load/cluster-loads.ts";
import { createLoads } from "../lb/load/create-loads.ts";
import type { EndpointMeasures } from "../lb/load/endpoint-measures.ts";
import { UsualStreams } from "../lb/load/usual-streams.ts";
import type { PickRequest } from "../lb/picker.ts";
import type { TierSet } from "../lb/tier-set.ts";
import type { TieredPicker } from "../lb/tiered-picker.ts";
import { ZoneBalancer } from "../lb/zone/zone-balancer.ts";
import type { LoadBalancing } from "../resource/load-balancing.ts";

/** Rows of measures are per worker; a simulated proxy has one. */
const ROW = 0;

/** An error counts as taking so many times as long as an answer usually takes. */
const FAULT_PENALTY = 10;

/** One proxy of a simulated fleet: the product's pickers, loads and zone balancing, fed with what this proxy would know. */
export class SimulatedProxy {
  /** Its own streams in flight by slot. */
  readonly streams: Int32Array;
  readonly loads: ClusterLoads;
  tiered!: TieredPicker;
  #built!: TierSet;
  readonly #settings: LoadBalancing;
  readonly #measures: EndpointMeasures;
  readonly #random: Random;
  readonly #request: PickRequest = { sequence: 0, hash: 0, triedCount: 0, tried: new Int32Array(1) };
  readonly #report = emptyLoadReport();
  readonly #name: string;
  readonly #usual = new UsualStreams();
  #zones: ZoneBalancer | undefined;
  #overflows = false;
  #observes = false;

  /**
   * @param name of its node.
   * @param measures its own, or one without any measurement where nothing asks for one.
   */
  constructor(
    name: string,
    settings: LoadBalancing,
    measures: EndpointMeasures,
    endpointCount: number,
    seed: number,
  ) {
    this.#name = name;
    this.#settings = settings;
    this.#measures = measures;
    this.streams = new Int32Array(endpointCount);
    this.loads = createLoads(settings, { inFlight: this.streams, slots: endpointCount, measures });
    this.loads.usualStreams = this.#usual;
    this.#random = new SeededRandom(seed);
    this.#request.sequence = this.#random.nextInt(2 ** 31);
  }

  /**
   * Takes what discovery says.
   *
   * @param tiered by health alone; may be shared with other proxies.
   * @param slots of all endpoints, and their weights.
   */
  follow(tiered: TieredPicker, slots: Int32Array, weights: Float64Array): void {
    this.#built = tiered.tierSet;
    this.loads.follow(slots, weights);
    this.tiered = tiered;
    this.#overflows = this.#built.tiers.some(({ beyond }) => beyond !== undefined);
    if (ZoneBalancer.isNeeded(this.#built)) {
      this.#zones ??= new ZoneBalancer(this.#name, this.#measures);
      this.tiered = tiered.withShares(this.#zones.shares(this.#built));
    } else this.#zones = undefined;
    this.#observes = this.loads.observesLatency || this.#zones !== undefined;
  }

  /** @returns the slot of an endpoint, -1 for none. */
  choose(nowMs: number): number {
    const request = this.#request;
    request.sequence = (request.sequence + 1) >>> 0;
    const slot = this.tiered.pick(request, this.loads, this.#random, nowMs);
    if (this.#zones !== undefined && nowMs >= this.#zones.lookAtMs) {
      this.#take(this.#zones.look(nowMs, this.#built));
    }
    if (slot < 0) return slot;
    this.streams[slot]!++;
    if (this.#observes) this.#measures.began(ROW, slot, nowMs);
    return slot;
  }

  answered(slot: number, latencyMs: number, failed: boolean, nowMs: number): void {
    this.streams[slot]!--;
    if (!this.#observes) return;
    this.#measures.waitedFor(ROW, slot, nowMs - latencyMs);
    if (!failed) this.#measures.observeLatency(ROW, slot, latencyMs, nowMs);
    else {
      const penaltyMs = Math.max(latencyMs, FAULT_PENALTY * this.loads.referenceMs);
      this.#measures.observeFault(ROW, slot, penaltyMs, nowMs);
    }
  }

  /** Takes an endpoint's report. @param utilization requests per server; 0 looks on the wire as if it were not reported. @param inAnswer whether it came with one. */
  report(slot: number, utilization: number, nowMs: number, inAnswer: boolean): void {
    this.#report.utilization = utilization > 0 ? utilization : NOT_REPORTED;
    this.#measures.report(ROW, slot, this.#report, nowMs, inAnswer ? this.streams[slot]! : 0);
  }

  /** Takes what the other proxies have in flight. @param atMs when they had. */
  peerInFlight(slot: number, streams: number, atMs: number): void {
    this.#measures.peerInFlight(slot, streams, atMs);
  }

  /** What the product does a few times a second. */
  balance(nowMs: number): void {
    if (this.loads.refreshes) this.loads.refresh(nowMs);
    if (this.#overflows) this.#usual.observe(nowMs, this.#built, this.loads);
    this.#take(this.#zones?.balance(nowMs, this.#built, this.#settings, this.loads));
  }

  #take(shares: Float64Array | undefined): void {
    if (shares !== undefined) this.tiered = this.tiered.withShares(shares);
  }
}
