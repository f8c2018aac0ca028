/** Cells of recording and explaining picks in a worker's row, from {@link WorkerColumn.explain} on. */
export const ExplainCell = {
  /** Picks recorded. */
  recorded: 0,
  /** Picks of the sample that were longer than a record may be. */
  tooLong: 1,
  /** Requests whose client asked and was told. */
  answered: 2,
  /** Requests whose client asked and may not, or that were too many at once. */
  refused: 3,
} as const;

/** Cells reserved. */
export const EXPLAIN_CELLS = 8;
