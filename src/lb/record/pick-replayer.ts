import type { Random } from "../../base/random.ts";
import type { PickRequest } from "../picker.ts";
import type { TierLoads } from "../tier-loads.ts";
import { TieredPicker } from "../tiered-picker.ts";
import type { PickRecord } from "./pick-record.ts";
import type { PickView } from "./pick-view.ts";
import { ReplayedReads } from "./replayed-reads.ts";

/** What a replay came to. */
export interface ReplayedPick {
  /** The endpoint's slot, -1 for none. */
  readonly picked: number;
  /** "" when it is the recorded pick in all that it read, drew and chose; else what differs. */
  readonly difference: string;
}

/** Makes recorded picks again, with the pickers that the data path uses. Keeps the pickers of the views it has seen. */
export class PickReplayer {
  readonly #pickers = new WeakMap<PickView, TieredPicker>();

  /** @param view the one that the record names. */
  replay(record: PickRecord, view: PickView): ReplayedPick {
    const reads = new ReplayedReads(record);
    const { sequence, hash, tried, nowMs } = record;
    const request: PickRequest = {
      sequence,
      hash,
      triedCount: tried.length,
      tried: Int32Array.from(tried),
    };
    try {
      const picked = this.#pickerOf(view).pick(request, reads as TierLoads, reads as Random, nowMs);
      if (picked === record.picked) return { picked, difference: reads.left };
      return { picked, difference: `picked slot ${picked}, recorded slot ${record.picked}` };
    } catch (error) {
      return { picked: -1, difference: (error as Error).message };
    }
  }

  #pickerOf(view: PickView): TieredPicker {
    let picker = this.#pickers.get(view);
    if (picker === undefined) {
      picker = new TieredPicker(view, view.snapshot.settings.loadBalancing);
      this.#pickers.set(view, picker);
    }
    return picker;
  }
}
