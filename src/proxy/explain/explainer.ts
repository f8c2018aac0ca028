import type { Random } from "../../base/random.ts";
import { SeededRandom } from "../../base/random.ts";
import type { PickRequest } from "../../lb/picker.ts";
import { describePick } from "../../lb/record/describe-pick.ts";
import { PickCause } from "../../lb/record/pick-layout.ts";
import { readRecords } from "../../lb/record/pick-record.ts";
import { PickRecorder } from "../../lb/record/pick-recorder.ts";
import { SlotNames } from "../../lb/record/slot-names.ts";
import type { TierLoads } from "../../lb/tier-loads.ts";
import type { TieredPicker } from "../../lb/tiered-picker.ts";
import { ExplainCell } from "../../telemetry/explain-cell.ts";
import { POLICY_REASON_NAMES } from "../../telemetry/policy-reason.ts";
import { RETRY_REASON_NAMES } from "../../telemetry/retry-reason.ts";
import { WorkerColumn } from "../../telemetry/worker-counters.ts";
import { ExplainSources } from "./explain-sources.ts";
import { explainText } from "./explain-text.ts";
import { PickStory } from "./pick-story.ts";
import type { PickingCluster } from "./picking-cluster.ts";

/** What a worker is told of explaining. From the configuration's `explain`. */
export interface ExplainSettings {
  /** Share of the picks that is recorded, 0 to 1; 0 records none. */
  readonly sample: number;
  /** Records of usual length that each worker has room for. */
  readonly ring: number;
  /** Who may ask by header: ranges of addresses in CIDR notation, and `unix` for clients of unix sockets. */
  readonly allowedSources: readonly string[];
}

/** What an {@link Explainer} works with. */
export interface ExplainerOptions {
  /** Name of the node, for the answers. */
  readonly node: string;
  /** A seed is taken from it. */
  readonly random: Random;
  /** The clock that picks go by. */
  readonly nowMs: () => number;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
  /** This worker's counters: WorkerColumn. */
  readonly workerRow: Float64Array;
  /** Calls that are traced, where any are: their picks are told of in spans. */
  readonly traced?: TracedPicks;
  /** @returns a cluster as this worker has it. */
  readonly cluster: (clusterSlot: number) => PickingCluster | undefined;
}

/** Who wants to know the recorded picks of traced calls. */
export interface TracedPicks {
  readonly isOn: boolean;
  /** @param slot of the client's stream. */
  has(slot: number): boolean;
  /** @param endpoint slot of the one picked. @param number of the record. */
  picked(slot: number, endpoint: number, number: number): void;
}

/** Nothing is recorded, nobody may ask. */
export const EXPLAIN_OFF: ExplainSettings = { sample: 0, ring: 4096, allowedSources: [] };

const MOVE_NAMES: readonly string[] = [...RETRY_REASON_NAMES, ...POLICY_REASON_NAMES];

/** What stands for the stream of a connection that is balanced as a whole. */
const NO_STREAM = -1;
/** Requests that are explained at once; further ones are served and not explained. */
const MAX_STORIES = 256;

/**
 * Explains the picks of a worker: records a sample of them, and tells a client that asks, and may, how its request was picked
 * for. While neither is going on it costs one read per pick.
 */
export class Explainer {
  /** Whether any pick may have to be recorded. */
  isOn = false;
  /** Whether any client that is being served has asked; else answers need not be looked at. */
  tells = false;
  readonly recorder: PickRecorder;
  /** By the slot of the client's stream. */
  readonly #stories = new Map<number, PickStory>();
  #sources = new ExplainSources([]);
  readonly options: ExplainerOptions;
  #samples = false;

  constructor(options: ExplainerOptions) {
    this.options = options;
    this.recorder = new PickRecorder(new SeededRandom(options.random.nextInt(2 ** 31)));
  }

  configure(settings: ExplainSettings): void {
    this.recorder.configure(settings);
    this.#sources = new ExplainSources(settings.allowedSources);
    this.#samples = settings.sample > 0;
    this.#follow();
  }

  /**
   * A request has come that asks to be explained.
   *
   * @param caller its source address, "" for a unix socket, undefined for neither.
   * @param namespace of the pod that calls; default: it is not known as one.
   */
  begin(slot: number, caller: string | undefined, namespace?: string): void {
    if (caller === undefined || !this.#sources.has(caller) || this.#stories.size >= MAX_STORIES) {
      this.#count(ExplainCell.refused);
      return;
    }
    this.#stories.set(slot, new PickStory(namespace));
    this.#follow();
  }

  /**
   * Makes a pick for a stream, and records it when it is one of the sample or was asked about. To be called while {@link isOn}.
   *
   * @param slot of the client's stream.
   * @param tiered as `cluster.pick` takes it.
   */
  pick(
    cluster: PickingCluster,
    request: PickRequest,
    loads: TierLoads,
    random: Random,
    nowMs: number,
    cause: PickCause,
    slot: number,
    tiered?: TieredPicker,
  ): number {
    const story = this.#stories.size > 0 ? this.#stories.get(slot) : undefined;
    // Traced calls are recorded beyond the sample: of two samples of one in a hundred nearly nothing would be in both.
    const { traced } = this.options;
    const isTraced = this.#samples && traced?.isOn === true && traced.has(slot);
    const isDue = (this.#samples && this.recorder.isDue()) || isTraced;
    // What goes by a table that was before cannot be replayed from what it was picked from; that lasts some milliseconds.
    if ((!isDue && story === undefined) || (tiered ?? cluster.tiered).isPreparing)
      return cluster.pick(request, loads, random, nowMs, tiered);
    const picked = this.recorder.record(cluster, request, loads, random, nowMs, cause, tiered);
    this.#count(this.recorder.isNewestKept ? ExplainCell.recorded : ExplainCell.tooLong);
    if (isTraced && this.recorder.isNewestKept) traced!.picked(slot, picked, this.recorder.recorded);
    if (story !== undefined) this.#tell(story, cluster);
    return picked;
  }

  /** As {@link pick}, for a connection that is balanced as a whole. */
  pickForConnection(
    cluster: PickingCluster,
    request: PickRequest,
    loads: TierLoads,
    random: Random,
    nowMs: number,
    tiered?: TieredPicker,
  ): number {
    return this.pick(cluster, request, loads, random, nowMs, PickCause.connection, NO_STREAM, tiered);
  }

  /** The request is the one that shows whether an ejected endpoint is well again: no picker was asked. @param endpoint its slot. */
  tried(slot: number, { snapshot }: PickingCluster, endpoint: number): void {
    this.#stories.get(slot)?.add({
      cause: "trial",
      tier: "",
      share: 0,
      candidates: 0,
      drawn: [],
      winner: new SlotNames(snapshot).address(endpoint),
      tried: [],
    });
  }

  /** The request goes to another endpoint. @param reason of a move, or after all of those a PolicyReason. */
  moved(slot: number, reason: number): void {
    this.#stories.get(slot)?.moves.push(MOVE_NAMES[reason] ?? `${reason}`);
  }

  /**
   * @param endpoint slot of the endpoint that answers, -1 for none.
   * @param maxOctets what the text may take.
   * @returns what the client is told, in ASCII; "" for one that is not to be told, or whose answer has no room for it.
   */
  answer(slot: number, cluster: PickingCluster | undefined, endpoint: number, maxOctets: number): string {
    const story = this.#stories.get(slot);
    if (story === undefined) return "";
    const text = explainText(this.options.node, story, cluster, endpoint, maxOctets);
    if (text !== "") this.#count(ExplainCell.answered);
    return text;
  }

  /** The stream is gone. */
  end(slot: number): void {
    if (this.#stories.delete(slot)) this.#follow();
  }

  #tell(story: PickStory, cluster: PickingCluster): void {
    const { words, view } = this.recorder.newest();
    if (view === undefined) return;
    for (const record of readRecords(words)) story.add(describePick(record, view));
    story.tierSet = cluster.lastTiered.tierSet;
    story.pickedTier = cluster.lastTiered.pickedTier;
    story.lookedBeyond = cluster.lastTiered.lookedBeyond;
  }

  #count(cell: number): void {
    this.options.workerRow[WorkerColumn.explain + cell]!++;
  }

  #follow(): void {
    this.tells = this.#stories.size > 0;
    this.isOn = this.#samples || this.tells;
  }
}
