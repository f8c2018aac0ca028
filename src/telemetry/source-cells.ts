import { REQUEST_CELLS } from "./request-cell.ts";
import { OTHER_SOURCE } from "./source-names.ts";

/** Combinations of source, status and flag that a service has in one worker at most; a power of two. */
const ENTRIES = 128;
/** The same for what is beyond that, counted as of {@link OTHER_SOURCE}. */
const OTHER_ENTRIES = 16;
/** Places looked at before there is said to be no room. */
const MAX_LOOKS = 8;
/** An entry is a key, 0 for none, and its count. */
const ENTRY_CELLS = 2;
/** Spreads neighbouring keys: 2^32 divided by the golden ratio (Knuth, TAOCP 6.4). */
const SPREAD = 0x9e3779b1;

/** Cells that these counts take of a row. */
export const SOURCE_CELLS: number = ENTRY_CELLS * (ENTRIES + OTHER_ENTRIES);

/**
 * Counts a finished request by where it came from, in a table of open addressing within the row: of all combinations few ever occur, so that a row
 * for each namespace would be thousands of cells of nothing. What finds no room counts as of {@link OTHER_SOURCE}; what finds none there either
 * is in the service's total only.
 *
 * @param first the first of {@link SOURCE_CELLS} cells of a row that only this thread writes.
 * @param source not 0; see SourceNames.
 * @param cell its requestCell.
 */
export function countSource(row: Float64Array, first: number, source: number, cell: number): void {
  if (source !== OTHER_SOURCE && count(row, first, ENTRIES, source * REQUEST_CELLS + cell)) return;
  count(row, first + ENTRY_CELLS * ENTRIES, OTHER_ENTRIES, OTHER_SOURCE * REQUEST_CELLS + cell);
}

function count(row: Float64Array, first: number, entries: number, key: number): boolean {
  let entry = Math.imul(key, SPREAD) >>> 16;
  for (let looks = 0; looks < MAX_LOOKS; looks++, entry++) {
    const at = first + ENTRY_CELLS * (entry & (entries - 1));
    const present = row[at]!;
    if (present !== key) {
      if (present !== 0) continue;
      row[at] = key;
    }
    row[at + 1]!++;
    return true;
  }
  return false;
}

/**
 * Adds up what a row has counted so. While its thread counts on, the newest request may be missing.
 *
 * @param first as {@link countSource} takes it.
 * @param into by key: `source * REQUEST_CELLS + cell`.
 */
export function addSources(row: Float64Array, first: number, into: Map<number, number>): void {
  for (let at = first; at < first + SOURCE_CELLS; at += ENTRY_CELLS) {
    const key = row[at]!;
    if (key !== 0) into.set(key, (into.get(key) ?? 0) + row[at + 1]!);
  }
}
