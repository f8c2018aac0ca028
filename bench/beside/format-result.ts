import type { RowResult } from "./compare-row.ts";
import type { Figures } from "./figures.ts";
import { TARGET_MS } from "./rows.ts";

/** A row's table, for people. */
export function formatResult({
  row,
  repetitions,
  dropped,
  quiet,
  busy,
  direct,
  heats,
  verdict: whole,
}: RowResult): string {
  const requests = heats[0]!.figures[0]!.requests;
  const lines = [
    `${row.name}: ${row.title}`,
    `${requests} requests of each in ${repetitions} repetitions, ${row.perSecond}/s; cores busy ${percent(busy, 0)} at most; ${dropped} repetitions left out`,
    `without a proxy, all well: p90 ${direct.p90Ms.toFixed(1)} ms, p99 ${direct.p99Ms.toFixed(1)} ms, p99.9 ${direct.p999Ms.toFixed(0)} ms`,
  ];
  for (const { heat, figures, judged } of heats) {
    const header = [heat.title, "errors", `> ${TARGET_MS} ms`, "p90 ms", "p99 ms", "p99.9 ms", "share"];
    lines.push(...align([header, ...figures.map((one) => [one.name, ...cells(one)])]));
    for (const { figure, isobar, best, verdict } of judged.comparisons) {
      lines.push(`    ${verdict.padEnd(6)}  ${figure}: ${short(isobar)}, best of Envoy's ${short(best)}`);
    }
  }
  const judgement = row.judged === false ? "no limits" : whole === "better" ? "OK" : "MISSED";
  lines.push(`  ${quiet ? judgement : "NOT JUDGED, the machine was too busy"}: ${whole}`);
  return lines.join("\n");
}

function cells(one: Figures): string[] {
  return [
    percent(one.errors / one.requests, 2),
    percent(one.harmed / one.requests, 2),
    one.p90Ms.toFixed(1),
    one.p99Ms.toFixed(1),
    one.p999Ms.toFixed(0),
    one.lastShare.toFixed(2),
  ];
}

function percent(share: number, digits: number): string {
  return `${(100 * share).toFixed(digits)} %`;
}

function short(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 2 : 1);
}

function align(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((text, column) => (column === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[column]!)))
      .join("  ")
      .replace(/^/, "  "),
  );
}
