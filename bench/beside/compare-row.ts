import type { Figures } from "./figures.ts";
import { figuresOf, summed } from "./figures.ts";
import type { Judged } from "./judge-heat.ts";
import { judgeNew, judgeSick } from "./judge-heat.ts";
import type { BesidePrograms } from "./play-row.ts";
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
  /** Busy share of the machine's cores, the highest of all repetitions. */
  readonly busy: number;
  readonly heats: readonly HeatResult[];
}

/** Plays a row a number of times, with other arrivals each time. @param tell is told what is going on. */
export async function compareRow(
  programs: BesidePrograms,
  row: Row,
  repetitions: number,
  seconds: number,
  tell: (text: string) => void,
): Promise<RowResult> {
  const runs = new Map<string, Figures[]>();
  let busy = 0;
  for (let seed = 1; seed <= repetitions; seed++) {
    tell(`${row.name}, ${seed} of ${repetitions}`);
    const played = await playRow(programs, row, seed, seconds);
    busy = Math.max(busy, played.busy);
    for (const outcome of played.outcomes) {
      const { name } = outcome;
      const figures = figuresOf(outcome, played.sickPorts.get(name)!);
      runs.set(name, [...(runs.get(name) ?? []), figures]);
    }
  }
  const heats = row.heats.map((heat): HeatResult => {
    const figures = [...heat.isobar, ...heat.envoy].map(({ name }) => {
      const own = runs.get(name)!;
      return { name, ...summed(own), runs: own };
    });
    const [isobar, ...envoy] = figures;
    const judged = row.fault.kind === "join" ? judgeNew(isobar!, envoy) : judgeSick(isobar!, envoy);
    return { heat, figures, judged };
  });
  return { row, repetitions, busy, heats };
}
