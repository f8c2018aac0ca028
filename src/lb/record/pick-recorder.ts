import type { Random } from "../../base/random.ts";
import type { ClusterSnapshot } from "../../resource/cluster-snapshot.ts";
import type { PickRequest } from "../picker.ts";
import type { TierLoads } from "../tier-loads.ts";
import type { TieredPicker } from "../tiered-picker.ts";
import type { PickCause } from "./pick-layout.ts";
import { PickRing } from "./pick-ring.ts";
import type { PickView } from "./pick-view.ts";
import { PickViews } from "./pick-views.ts";
import { RecordingDraws } from "./recording-draws.ts";
import { RecordingLoads } from "./recording-loads.ts";

/** Who picks: a cluster, as the data path has it. */
export interface PickSource {
  readonly snapshot: ClusterSnapshot;
  /** What the last {@link pick} was made with. */
  readonly lastTiered: TieredPicker;
  pick(request: PickRequest, loads: TierLoads, random: Random, nowMs: number, tiered?: TieredPicker): number;
}

/** Which picks are kept, and how many. */
export interface RecorderSettings {
  /** Share of the picks that is recorded, 0 to 1. */
  readonly sample: number;
  /** Records of usual length there is room for. */
  readonly ring: number;
}

/** Room for those picks that are recorded because somebody asks, where no others are. */
const LEAST_RING = 64;

/** A pick that was recorded, for who asked for it. */
export interface RecordedPick {
  /** For readRecords; empty when the pick was too long to be kept. */
  readonly words: Float64Array;
  readonly view: PickView | undefined;
}

/**
 * Records a share of a worker's picks: it stands between a picker and what the picker reads, and notes every number that goes by.
 * Recording one allocates nothing, but for the first of a view.
 */
export class PickRecorder {
  readonly #random: Random;
  readonly #loads: RecordingLoads;
  readonly #draws: RecordingDraws;
  #views = new PickViews();
  #ring: PickRing | undefined;
  #ringRecords = LEAST_RING;
  #sample = 0;
  #gap = 0;
  /** Whether the last pick that was to be recorded was short enough. */
  isNewestKept = false;

  /** @param random decides which picks are recorded; not the one that picks draw from, which must not be disturbed. */
  constructor(random: Random) {
    this.#random = random;
    this.#loads = new RecordingLoads(NOTHING);
    this.#draws = new RecordingDraws(random);
  }

  /** Share of the picks that is recorded. */
  get sample(): number {
    return this.#sample;
  }

  /** Records so far, those that were overwritten included; wraps at 2^32. */
  get recorded(): number {
    return this.#ring?.written ?? 0;
  }

  /** Takes other settings. Another size of the ring forgets what is in it. */
  configure({ sample, ring }: RecorderSettings): void {
    this.#sample = sample;
    this.#gap = this.#nextGap();
    const records = Math.max(ring, LEAST_RING);
    if (records === this.#ringRecords) return;
    this.#ringRecords = records;
    this.#ring = undefined;
    this.isNewestKept = false;
    this.#views = new PickViews();
  }

  /** @returns whether the pick that is about to be made is one of the sample. Not to be asked while {@link sample} is 0. */
  isDue(): boolean {
    if (--this.#gap > 0) return false;
    this.#gap = this.#nextGap();
    return true;
  }

  /** Makes a pick and records it. @param tiered passed on. @returns what `source.pick` returns. */
  record(
    source: PickSource,
    request: PickRequest,
    loads: TierLoads,
    random: Random,
    nowMs: number,
    cause: PickCause,
    tiered?: TieredPicker,
  ): number {
    const readLoads = this.#loads;
    const draws = this.#draws;
    readLoads.source = loads;
    readLoads.count = 0;
    draws.source = random;
    draws.count = 0;
    const picked = source.pick(request, readLoads, draws, nowMs, tiered);
    const view = this.#views.take(source.lastTiered.tierSet, source.snapshot);
    this.#ring ??= this.#makeRing();
    if (!this.#ring.write(view, cause, request, readLoads, draws, nowMs, picked)) {
      this.#views.drop(view);
      this.isNewestKept = false;
    } else this.isNewestKept = true;
    return picked;
  }

  /** @returns the last pick that was to be recorded. */
  newest(): RecordedPick {
    const words = this.isNewestKept ? this.#ring!.newest() : new Float64Array(0);
    const view = words.length === 0 ? 0 : new Uint32Array(words.buffer)[2]!;
    return { words, view: this.#views.get(view) };
  }

  /** @returns all records there are, the oldest first, and the views they name. */
  all(): { readonly records: Float64Array<ArrayBuffer>; readonly views: readonly PickView[] } {
    const records = this.#ring?.copy() ?? new Float64Array(0);
    const views = [...this.#views.all()].map(({ number, snapshot, tiers, shares }) => ({
      number,
      snapshot,
      tiers,
      shares,
    }));
    return { records, views };
  }

  #makeRing(): PickRing {
    return new PickRing(this.#ringRecords, (view) => this.#views.drop(view));
  }

  /** Gaps of even chance around the mean: a sample in step with a pattern of requests would see one side of it only. */
  #nextGap(): number {
    if (this.#sample <= 0) return Number.POSITIVE_INFINITY;
    const mean = 1 / this.#sample;
    return Math.max(1, Math.round(this.#random.nextFloat() * 2 * (mean - 1) + 1));
  }
}

const NOTHING: TierLoads = { inFlight: () => 0, load: () => 0, total: () => 0, own: () => 0, usual: () => 0 };
