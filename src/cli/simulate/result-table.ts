import type { Expectation, Verdict } from "../../sim/expectation.ts";
import type { Interval } from "../../sim/interval.ts";
import { intervalOf } from "../../sim/interval.ts";
import type { SeedFigures, Summary } from "../../sim/summary.ts";
import type { CaseResult } from "./case-result.ts";

interface Column {
  readonly title: string;
  readonly of: (figures: SeedFigures) => number;
  readonly format: (interval: Interval) => string;
}

const COLUMNS: readonly Column[] = [
  { title: "p50 ms", of: ({ p50 }) => p50, format: formatMs },
  { title: "p99 ms", of: ({ p99 }) => p99, format: formatMs },
  { title: "p99.9 ms", of: ({ p999 }) => p999, format: formatMs },
  { title: "max/mean", of: ({ imbalance }) => imbalance, format: ({ mean }) => mean.toFixed(2) },
  { title: "cross-zone", of: ({ crossZoneShare }) => crossZoneShare, format: formatShare },
  { title: "errors", of: ({ errorShare }) => errorShare, format: formatShare },
];

/** The figures of one load as a table for a terminal, and what was expected of them. */
export function resultTable(result: CaseResult): string {
  const rows = [
    ["policy", ...COLUMNS.map(({ title }) => title)],
    ...result.summaries.map((summary) => [summary.name, ...COLUMNS.map((column) => cell(summary, column))]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row.map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!))).join("  "),
  );
  const title = result.load === 0 ? "as recorded" : `load ${result.load}`;
  const verdicts = result.verdicts.map(({ expectation, verdict }) => verdictLine(expectation, verdict));
  return [title, ...lines.map((line) => `  ${line.trimEnd()}`), ...verdicts, ""].join("\n");
}

/** One expectation and what came out, as a line. */
export function verdictLine(expectation: Expectation, { value, met }: Verdict): string {
  const { atMost, atLeast } = expectation;
  const wanted = atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`;
  const half = Number.isNaN(value.half) ? "" : ` ± ${digits(value.half)}`;
  return `  ${met ? "met " : "MISS"} ${expectationText(expectation)}: ${digits(value.mean)}${half}, wanted ${wanted}`;
}

/** What an expectation is about. */
export function expectationText({ policy, measure, of, from, zone, fromMs, toMs }: Expectation): string {
  const over = of === undefined ? "" : measure === "gapClosed" ? ` of ${from} → ${of}` : ` / ${of}`;
  const where = zone === undefined ? "" : `, zone ${zone}`;
  const when = fromMs === undefined && toMs === undefined ? "" : `, ${fromMs ?? 0} to ${toMs ?? "end"} ms`;
  return `${policy}: ${measure}${over}${where}${when}`;
}

function cell(summary: Summary, { of, format }: Column): string {
  return format(intervalOf(summary.seeds.map(of)));
}

function formatMs({ mean, half }: Interval): string {
  const places = mean < 10 ? 2 : mean < 100 ? 1 : 0;
  return Number.isNaN(half) ? mean.toFixed(places) : `${mean.toFixed(places)} ±${half.toFixed(places)}`;
}

function formatShare({ mean }: Interval): string {
  return mean === 0 ? "0" : `${(mean * 100).toFixed(mean < 0.001 ? 3 : 1)} %`;
}

function digits(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(3);
}
