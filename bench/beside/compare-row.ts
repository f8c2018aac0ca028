import type { Figures } from "./figures.ts";
import { figuresOf, summed } from "./figures.ts";
import type { BesidePrograms } from "./find-programs.ts";
import type { Judged } from "./judge-heat.ts";
import { inAll, judgeNew, judgeSick } from "./judge-heat.ts";
import { playRow } from "./play-row.ts";
import type { Heat, Row } from "./rows.ts";

/** What came of one heat. */
export interface HeatResult {
  readonly heat: Heat;
  /** By contender: Isobar's first. */
  readonly figures: readonly (Figures & { readonly name: string; readonly runs: readonly Figures[] })[];
  readonly judged: Judged;
}

/** What came of one row. */
export interface RowResult {
  readonly row: Row;
  readonly repetitions: number;
  /** Repetitions that were played and do not count, because the machine was too busy. */
  readonly dropped: number;
  /** Whether the machine was quiet enough to judge by: so many were played again that some had to count all the same. */
  readonly quiet: boolean;
  /** Busy share of the machine's cores, the highest of all repetitions. */
  readonly busy: number;
  /** What clients without a proxy saw meanwhile of an endpoint that is always well. */
  readonly direct: Figures;
  readonly heats: readonly HeatResult[];
  /** Isobar is to be worse in no figure of the row, and better in one. */
  readonly verdict: Judged["verdict"];
}

/** A repetition counts if of the requests sent without a proxy no more than this share were over the target. Of their work 1 in 8,000 is. */
const DIRECT_HARMED = 0.003;

/**
 * Plays a row a number of times, with other arrivals each time.
 *
 * @param tell is told what is going on.
 * @param patience how often, on average, a repetition is played again because the machine was too busy.
 */
export async function compareRow(
  programs: BesidePrograms,
  row: Row,
  repetitions: number,
  seconds: number,
  tell: (text: string) => void,
  patience = 2,
): Promise<RowResult> {
  const runs = new Map<string, Figures[]>();
  const directs: Figures[] = [];
  let busy = 0;
  let dropped = 0;
  for (let seed = 1; directs.length < repetitions; seed++) {
    tell(`${row.name}, ${directs.length + 1} of ${repetitions}`);
    const played = await playRow(programs, row, seed, seconds);
    const direct = figuresOf(played.direct, 0);
    // The last ones are shown even so, and not judged.
    if (direct.harmed > DIRECT_HARMED * direct.requests && dropped < patience * repetitions) {
      dropped++;
      continue;
    }
    directs.push(direct);
    busy = Math.max(busy, played.busy);
    for (const outcome of played.outcomes) {
      const { name } = outcome;
      const figures = figuresOf(outcome, played.sickPorts.get(name)!);
      runs.set(name, [...(runs.get(name) ?? []), figures]);
    }
  }
  const direct = summed(directs);
  const quiet = directs.every(({ harmed, requests }) => harmed <= DIRECT_HARMED * requests);
  const heats = row.heats.map((heat): HeatResult => {
    const figures = [...heat.isobar, ...heat.envoy].map(({ name }) => {
      const own = runs.get(name)!;
      return { name, ...summed(own), runs: own };
    });
    const [isobar] = figures;
    const envoy = figures.slice(heat.isobar.length);
    const judged = row.fault.kind === "join" ? judgeNew(isobar!, envoy) : judgeSick(isobar!, envoy);
    return { heat, figures, judged };
  });
  const verdict = inAll(heats.map(({ judged }) => judged));
  return { row, repetitions, dropped, quiet, busy, direct, heats, verdict };
}
