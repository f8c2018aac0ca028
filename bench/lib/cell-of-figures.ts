import { median } from "./median.ts";
import type { Cell } from "./results.ts";

/** A cell of repeated figures: their median, least and greatest; none of them when there is no figure. */
export function cellOfFigures(proxy: string, figures: readonly number[], note: string, runs: object[]): Cell {
  if (figures.length === 0) return { proxy, value: null, low: null, high: null, note, runs };
  return {
    proxy,
    value: median([...figures]),
    low: Math.min(...figures),
    high: Math.max(...figures),
    note,
    runs,
  };
}
