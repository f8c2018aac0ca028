/** One figure of one proxy in one row. */
export interface Cell {
  proxy: string;
  /** The figure, a median if it was measured repeatedly; null if there is none. */
  value: number | null;
  low: number | null;
  high: number | null;
  /** Fit for people: utilisation, rates, what went wrong. */
  note: string;
  /** Everything measured, run by run. */
  runs: object[];
}

/** A limit and whether it holds. */
export interface Judgement {
  row: string;
  what: string;
  value: number | null;
  limit: number;
  verdict: "ok" | "missed" | "not judged";
  reason: string;
}

/** One row of the table. */
export interface RowResult {
  row: string;
  title: string;
  unit: string;
  cells: Cell[];
  judgements: Judgement[];
}

/** Judges a single figure against an upper limit. */
export function judge(
  row: string,
  what: string,
  value: number | null,
  limit: number,
  reason = "",
): Judgement {
  if (value === null || Number.isNaN(value)) {
    return { row, what, value: null, limit, verdict: "not judged", reason };
  }
  return { row, what, value, limit, verdict: value <= limit ? "ok" : "missed", reason };
}
