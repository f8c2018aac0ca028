import type { Cell, Judgement, RowResult } from "./results.ts";

/** Aligned text for one row: a line per proxy. */
export function formatRow(row: RowResult): string {
  const lines = row.cells.map((cell) => [`  ${cell.proxy}`, figure(cell.value), span(cell), cell.note]);
  return [`${row.row}: ${row.title} (${row.unit})`, ...align(lines)].join("\n");
}

/** Aligned text for all limits. */
export function formatJudgements(judgements: Judgement[]): string {
  const lines = judgements.map((one) => [
    `  ${one.verdict.toUpperCase()}`,
    one.row,
    one.what,
    figure(one.value),
    `≤ ${one.limit}`,
    one.reason,
  ]);
  return ["limits:", ...align(lines)].join("\n");
}

function figure(value: number | null): string {
  if (value === null) {
    return "–";
  }
  return value.toFixed(value < 10 ? 3 : value < 100 ? 1 : 0);
}

function span(cell: Cell): string {
  return cell.low === null || cell.high === null ? "" : `[${figure(cell.low)}–${figure(cell.high)}]`;
}

function align(lines: string[][]): string[] {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines.map((line) =>
    line
      .map((text, column) => text.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}
