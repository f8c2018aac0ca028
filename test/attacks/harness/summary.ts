import type { AttackMeasurement, SoloWindow } from "./measurement.ts";
import type { Verdict } from "./verdict.ts";

const MIB = 1_048_576;

/** What the table has a line for. */
export interface Judged {
  readonly name: string;
  readonly got: AttackMeasurement;
  readonly solo: readonly SoloWindow[];
  readonly verdict: Verdict;
}

const HEADINGS = [
  "attack",
  "frames/s",
  "its CPU",
  "µs/frame",
  "core",
  "slab MiB",
  "RSS +MiB",
  "streams",
  "upstream",
  "closed with",
  "after frames",
  "p99 solo",
  "p99 ms",
  "ratio",
  "lost",
  "",
] as const;

function line({ name, got, solo, verdict }: Judged): string[] {
  const percent = (share: number) => `${(share * 100).toFixed(0)} %`;
  const slab = (got.slabOctets - Math.min(...solo.map(({ slabOctets }) => slabOctets))) / MIB;
  const closes = Object.entries(got.closes).map(([code, count]) => `${code} ×${count}`);
  const verdictWord = verdict.missed.length > 0 ? "MISSED" : verdict.unjudged === "" ? "held" : "gates held";
  return [
    name,
    got.framesPerSecond.toFixed(0),
    percent(got.attackerCpuShare),
    got.cpuMicrosPerFrame.toFixed(1),
    percent(got.cpuShare),
    slab.toFixed(1),
    ((got.rssOctets - solo[0]!.rssOctets) / MIB).toFixed(0),
    String(got.streams),
    String(got.upstreamStreams),
    closes.join(", ") || "-",
    got.mostFrames === 0 ? "-" : String(got.mostFrames),
    verdict.soloMs.toFixed(2),
    verdict.attackMs.toFixed(2),
    (verdict.attackMs / verdict.soloMs).toFixed(2),
    String(got.lostCalls),
    verdictWord,
  ];
}

/** @returns the table of all attacks. */
export function summary(judged: readonly Judged[]): string {
  const rows = [[...HEADINGS] as string[], ...judged.map(line)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  "),
    )
    .join("\n");
}
