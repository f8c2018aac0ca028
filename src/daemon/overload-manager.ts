import type { Config } from "../config/config.ts";
import { GuardCell } from "../telemetry/guard-cell.ts";
import type { Log } from "../telemetry/log.ts";
import type { OverloadState } from "../telemetry/overload-state.ts";
import { OverloadStage } from "../telemetry/overload-state.ts";
import { WorkerColumn } from "../telemetry/worker-counters.ts";
import type { MemoryUse } from "./overload-memory.ts";

const READ_MS = 250;
/** A stage ends so far below where it begins, so that it does not come and go with every call. */
const HYSTERESIS_SHARE = 0.05;
/**
 * Memory of the slab that was used once and is free again stays resident, but serves what comes next. So it is not counted,
 * up to this share of the limit: counted, one full budget would have calls refused for ever.
 */
const REUSABLE_SHARE = 0.25;
const MIB = 1_048_576;

/**
 * The stage for what is used of the limit. How much of the reusable memory is really resident is an estimate: so a stage
 * also begins when all that is resident has come half of the way from the stage's share to the limit.
 *
 * @param share of the limit, without what is reusable.
 * @param residentShare with it.
 * @param present the stage in force: it ends 5 % below where it begins.
 */
export function overloadStage(
  share: number,
  residentShare: number,
  present: OverloadStage,
  thresholds: Config["overload"],
): OverloadStage {
  const { stopReadingAtShare, refuseStreamsAtShare, notReadyAtShare } = thresholds;
  const begins = [0, stopReadingAtShare, refuseStreamsAtShare, notReadyAtShare];
  for (let stage = OverloadStage.notReady; stage > OverloadStage.none; stage--) {
    const begin = begins[stage]!;
    const slack = stage <= present ? HYSTERESIS_SHARE : 0;
    if (share >= begin - slack || residentShare >= (1 + begin) / 2 - slack / 2) return stage as OverloadStage;
  }
  return OverloadStage.none;
}

/** What an {@link OverloadManager} works with. */
export interface OverloadManagerOptions {
  readonly memory: { read(): MemoryUse | undefined };
  readonly thresholds: Config["overload"];
  readonly state: OverloadState;
  /** Of all workers. */
  readonly workers: { sum(column: number): number };
  readonly log: Log;
  /** @param reason why the process should get no new traffic; undefined when that is over. */
  readonly onReadiness: (reason: string | undefined) => void;
}

/** Watches the memory of the cgroup, on the main thread, and says in shared memory what is to be done about it. */
export class OverloadManager {
  readonly #options: OverloadManagerOptions;
  readonly #timer: NodeJS.Timeout;

  constructor(options: OverloadManagerOptions) {
    this.#options = options;
    this.check();
    this.#timer = setInterval(() => this.check(), READ_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Reads the memory once. */
  check(): void {
    const { memory, state, thresholds, log } = this.#options;
    const use = memory.read();
    const present = state.stage;
    if (use === undefined) {
      if (present !== OverloadStage.none)
        this.#change(present, OverloadStage.none, "memory can no longer be read");
      state.set(OverloadStage.none, 0, 0);
      return;
    }
    const { limitOctets } = use;
    const usedOctets = use.usedOctets - Math.min(this.#reusableOctets(), limitOctets * REUSABLE_SHARE);
    const residentShare = use.usedOctets / limitOctets;
    const stage = overloadStage(usedOctets / limitOctets, residentShare, present, thresholds);
    state.set(stage, usedOctets, limitOctets);
    if (stage === present) return;
    const percent = Math.round(residentShare * 100);
    const figures = `${percent} % of ${Math.round(limitOctets / MIB)} MiB`;
    this.#change(present, stage, figures);
    log[stage > present ? "warn" : "info"](`memory: ${ACTIONS[stage]}`, {
      usedOctets: Math.round(usedOctets),
      residentOctets: use.usedOctets,
      limitOctets,
      stage,
      formerStage: present,
    });
  }

  #change(former: OverloadStage, stage: OverloadStage, figures: string): void {
    const { onReadiness } = this.#options;
    if (stage === OverloadStage.notReady) onReadiness(`short of memory: ${figures} are used`);
    else if (former === OverloadStage.notReady) onReadiness(undefined);
  }

  #reusableOctets(): number {
    const { workers } = this.#options;
    const touched = workers.sum(WorkerColumn.guard + GuardCell.slabTouchedOctets);
    return Math.max(0, touched - workers.sum(WorkerColumn.slabUsedOctets));
  }
}

const ACTIONS: Readonly<Record<OverloadStage, string>> = {
  [OverloadStage.none]: "no longer short",
  [OverloadStage.stopReading]: "the clients that hold most are not read",
  [OverloadStage.refuseStreams]: "new streams are refused",
  [OverloadStage.notReady]: "not ready for traffic",
};
