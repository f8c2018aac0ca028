/**
 * @param rows the first is the head.
 * @param right numbers of columns that are aligned to the right. @returns lines without spaces at their ends.
 */
export function textTable(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, [...cell].length);
  const pad = (cell: string, i: number): string => {
    const blank = " ".repeat(widths[i]! - [...cell].length);
    return right.includes(i) ? blank + cell : cell + blank;
  };
  return rows.map((row) => `${row.map(pad).join("  ").trimEnd()}\n`).join("");
}
