import { readFile } from "node:fs/promises";
import { systemErrorText } from "../../config/system-error-text.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import type { PickAccount } from "../../lb/record/describe-pick.ts";
import { describePick } from "../../lb/record/describe-pick.ts";
import type { WorkerPicks } from "../../lb/record/pick-dump.ts";
import { decodePickDump } from "../../lb/record/pick-dump.ts";
import { readRecords } from "../../lb/record/pick-record.ts";
import { PickReplayer } from "../../lb/record/pick-replayer.ts";

/** Picks that came out otherwise are shown up to this number; all are counted. */
const MAX_SHOWN = 10;

/** A pick that came out otherwise. */
export interface DifferentPick {
  readonly worker: number;
  readonly number: number;
  readonly difference: string;
  readonly recorded: PickAccount;
}

/** What replaying a file came to. */
export interface ReplayOutcome {
  readonly records: number;
  readonly same: number;
  /** Whose policy is a module of its own, which the file does not have. */
  readonly foreign: number;
  /** Whose view was given up by the worker for want of memory. */
  readonly withoutView: number;
  readonly different: number;
  readonly shown: readonly DifferentPick[];
}

/**
 * Makes every pick of a file of `GET /explain.bin` again.
 *
 * @throws ExitError when the file cannot be read, or is none.
 */
export async function replayFile(file: string): Promise<ReplayOutcome> {
  let workers: readonly WorkerPicks[];
  try {
    workers = decodePickDump(await readFile(file));
    return replayAll(workers);
  } catch (error) {
    const text = error instanceof RangeError ? error.message : systemErrorText(error);
    throw new ExitError(ExitCode.usage, `${file}: ${text}`, { cause: error });
  }
}

function replayAll(workers: readonly WorkerPicks[]): ReplayOutcome {
  const replayer = new PickReplayer();
  let records = 0;
  let same = 0;
  let foreign = 0;
  let withoutView = 0;
  let different = 0;
  const shown: DifferentPick[] = [];
  for (const { worker, records: words, views } of workers) {
    const byNumber = new Map(views.map((view) => [view.number, view]));
    for (const record of readRecords(words)) {
      records++;
      const view = byNumber.get(record.view);
      if (view === undefined) {
        withoutView++;
        continue;
      }
      if (view.snapshot.settings.loadBalancing.policy.startsWith("module:")) {
        foreign++;
        continue;
      }
      const { difference } = replayer.replay(record, view);
      if (difference === "") {
        same++;
        continue;
      }
      different++;
      if (shown.length < MAX_SHOWN)
        shown.push({ worker, number: record.number, difference, recorded: describePick(record, view) });
    }
  }
  return { records, same, foreign, withoutView, different, shown };
}

/** @returns the outcome for people. */
export function replayText(file: string, outcome: ReplayOutcome): string {
  const { records, same, foreign, withoutView, different, shown } = outcome;
  const notes = [
    `${file}: ${records} picks, ${same} replayed to the same endpoint`,
    ...(withoutView > 0
      ? [`${withoutView} without what they were made from: the worker had no room for it`]
      : []),
    ...(foreign > 0 ? [`${foreign} of policies that are modules of their own: not replayed`] : []),
    ...(different > 0
      ? [`${different} came out otherwise, which is a fault of Isobar; the first of them:`]
      : []),
    ...shown.map(
      ({ worker, number, difference, recorded }) =>
        `  worker ${worker}, record ${number}, ${recorded.winner || "nobody"} in tier ${recorded.tier}: ${difference}`,
    ),
  ];
  return `${notes.join("\n")}\n`;
}
