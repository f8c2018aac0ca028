import type { Random } from "../base/random.ts";
import { LoadReportReader } from "../grpc/load-report-reader.ts";
import { buildTiers } from "../lb/build-tiers.ts";
import type { BuiltTiers } from "../lb/built-tiers.ts";
import { candidateColumns } from "../lb/candidate-columns.ts";
import type { ClusterLoads } from "../lb/load/cluster-loads.ts";
import { createLoads } from "../lb/load/create-loads.ts";
import { UsualStreams } from "../lb/load/usual-streams.ts";
import type { PickRequest } from "../lb/picker.ts";
import type { Place } from "../lb/place.ts";
import type { PickSource } from "../lb/record/pick-recorder.ts";
import type { TierLoads } from "../lb/tier-loads.ts";
import { TieredPicker } from "../lb/tiered-picker.ts";
import { ReportedWeights } from "../lb/weights/reported-weights.ts";
import { wantsReports } from "../lb/weights/wants-reports.ts";
import { ZoneBalancer } from "../lb/zone/zone-balancer.ts";
import type { ClusterSnapshot } from "../resource/cluster-snapshot.ts";
import type { LabelRestriction } from "../resource/route.ts";
import type { EndpointTable } from "./endpoint-table.ts";
import { EndpointWatch } from "./endpoint-watch.ts";
import { LabelledEndpoints } from "./labelled-endpoints.ts";

/** What all clusters of a process have in common. */
export interface BalanceSurroundings {
  readonly table: EndpointTable;
  /** Where this process runs. */
  readonly place: Place;
  readonly random: Random;
  /** @param endpoint its `address:port`. @param reason "" when it is taken back. */
  readonly onEjection: (cluster: string, endpoint: string, reason: string, seconds: number) => void;
}

/**
 * How the endpoints of one cluster are picked: the pickers, loads, weights, tiers and outlier detection of the proxy, around what this
 * process's calls show.
 */
export class ClusterBalance implements PickSource {
  snapshot: ClusterSnapshot;
  built!: BuiltTiers;
  /** What unrestricted calls are picked with. */
  tiered!: TieredPicker;
  /** @see PickSource.lastTiered */
  lastTiered!: TieredPicker;
  loads!: ClusterLoads;
  readonly watch: EndpointWatch;
  /** Reads what endpoints report of their load; undefined where nothing goes by it. */
  reports: LoadReportReader | undefined;
  /** Changes with what picks are made from. */
  version = 0;
  /** No longer listed: nothing is picked any more. */
  isRemoved = false;
  readonly #around: BalanceSurroundings;
  readonly #labelled = new LabelledEndpoints(this);
  #balancer: ZoneBalancer | undefined;
  #usual: UsualStreams | undefined;
  #weights: ReportedWeights | undefined;
  #weightsDueMs = 0;
  #picks = 0;
  #observesLatency = false;

  constructor(snapshot: ClusterSnapshot, around: BalanceSurroundings, nowMs: number) {
    this.#around = around;
    this.snapshot = snapshot;
    const { table, random, onEjection } = around;
    this.watch = new EndpointWatch({
      table,
      random,
      onChange: () => this.rebuild(),
      onEjection: (slot, reason, seconds) => {
        const { address = "", port = 0 } = table.at(slot) ?? {};
        onEjection(snapshot.name, `${address}:${port}`, reason, seconds);
      },
    });
    this.update(snapshot, nowMs);
  }

  get name(): string {
    return this.snapshot.name;
  }

  /** Whether the time to an answer is to be told to the measures. */
  get observesLatency(): boolean {
    return this.#observesLatency;
  }

  /** Whether as many calls are under way as the service may have. */
  isFull(nowMs: number): boolean {
    const { maxRequests } = this.snapshot.settings.circuit;
    return maxRequests > 0 && this.loads.total(nowMs) >= maxRequests;
  }

  /** Whether the endpoint may have one more call. */
  hasRoom(slot: number): boolean {
    const { maxRequestsPerEndpoint } = this.snapshot.settings.circuit;
    return maxRequestsPerEndpoint === 0 || this.loads.own(slot) < maxRequestsPerEndpoint;
  }

  /** @see PickSource.pick */
  pick(
    request: PickRequest,
    loads: TierLoads,
    random: Random,
    nowMs: number,
    tiered: TieredPicker = this.tiered,
  ): number {
    request.sequence = this.#picks;
    this.#picks = (this.#picks + 1) >>> 0;
    this.lastTiered = tiered;
    const slot = tiered.pick(request, loads, random, nowMs);
    if (this.#balancer !== undefined && nowMs >= this.#balancer.lookAtMs)
      this.#take(this.#balancer.look(nowMs, this.built));
    return slot;
  }

  /** Takes a new version. */
  update(snapshot: ClusterSnapshot, nowMs: number): void {
    const { loadBalancing } = snapshot.settings;
    const { table } = this.#around;
    this.snapshot = snapshot;
    this.loads = createLoads(loadBalancing, table.counters.loadSources(table.penalty));
    if (this.loads.observesLatency) this.#observesLatency = true;
    const slots = this.#slots();
    this.loads.follow(
      slots,
      Float64Array.from(slots, (_, i) => snapshot.weightAt(i)),
    );
    this.loads.refresh(nowMs);
    this.#weights = ReportedWeights.of(loadBalancing, this.#weights);
    const { perRequest, utilizationMetrics } = loadBalancing.loadReports;
    this.reports =
      perRequest || wantsReports(loadBalancing) ? new LoadReportReader(utilizationMetrics) : undefined;
    this.watch.apply(snapshot, nowMs);
    this.rebuild();
  }

  /** Makes tiers and pickers anew, after the snapshot, an endpoint's fitness or a weight has changed. */
  rebuild(): void {
    const { place, table } = this.#around;
    const { loadBalancing } = this.snapshot.settings;
    this.version++;
    this.built = this.#build();
    this.tiered = new TieredPicker(this.built, loadBalancing);
    this.lastTiered = this.tiered;
    this.#usual = this.built.tiers.some(({ beyond }) => beyond !== undefined)
      ? (this.#usual ?? new UsualStreams())
      : undefined;
    this.loads.usualStreams = this.#usual;
    if (!ZoneBalancer.isNeeded(this.built)) {
      this.#balancer = undefined;
      return;
    }
    this.#observesLatency = true;
    this.#balancer ??= new ZoneBalancer(`${place.node} ${this.name}`, table.counters.measures);
    this.tiered = this.tiered.withShares(this.#balancer.shares(this.built));
  }

  /** What is done several times a second. */
  tick(nowMs: number): void {
    const { loadBalancing } = this.snapshot.settings;
    this.watch.tick(nowMs);
    if (this.loads.refreshes) this.loads.refresh(nowMs);
    this.#usual?.observe(nowMs, this.built, this.loads);
    if (this.#weights !== undefined && nowMs >= this.#weightsDueMs) {
      this.#weightsDueMs = nowMs + loadBalancing.loadReports.weightUpdateMs;
      if (this.#weights.update(this.#slots(), this.#around.table.counters.measures, nowMs)) this.rebuild();
    }
    if (this.#balancer !== undefined)
      this.#take(this.#balancer.balance(nowMs, this.built, loadBalancing, this.loads));
  }

  /** @returns what a call that a route restricts to some endpoints is picked with; undefined when there is no such endpoint. */
  labelled(
    restriction: LabelRestriction,
    header: (name: string) => string | undefined,
  ): TieredPicker | undefined {
    return this.#labelled.find(restriction, header);
  }

  /** @returns the same as {@link tiered} for some of the endpoints, by their indexes in the snapshot; good for one {@link version}. */
  restricted(accept: (index: number) => boolean): TieredPicker {
    const built = this.#build(accept);
    const tiered = new TieredPicker(built, this.snapshot.settings.loadBalancing);
    return this.#balancer === undefined ? tiered : tiered.withShares(this.#balancer.shares(built));
  }

  #take(shares: Float64Array | undefined): void {
    if (shares !== undefined) this.tiered = this.tiered.withShares(shares);
  }

  #slots(): Int32Array {
    return Int32Array.from({ length: this.snapshot.count }, (_, i) => this.snapshot.slotAt(i));
  }

  #build(accept?: (index: number) => boolean): BuiltTiers {
    const { place, table } = this.#around;
    const { measures } = table.counters;
    const built = buildTiers(this.snapshot, place, table.verdict, {
      accept,
      columns: (indexes) => candidateColumns(this.snapshot, indexes, measures.ramps),
    });
    const weights = this.#weights;
    return weights === undefined ? built : built.map((tier) => weights.reweigh(tier));
  }
}
