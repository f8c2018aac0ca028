import type { LoadShare } from "./machine-load.ts";
import type { ScaleOptions } from "./scale-options.ts";

/** Times in ms. */
export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** A part of the way of a write to the proxy. */
export interface Leg {
  readonly name: string;
  readonly spread: Spread;
}

/** Everything that was measured. */
export interface ScaleFigures {
  readonly services: number;
  readonly endpoints: number;
  readonly streams: number;
  /** From the start of the process until a stream, and until all of them, had the endpoints of everything subscribed to. */
  readonly startToFirstMs: number;
  readonly startToAllMs: number;
  readonly startCpuSeconds: number;
  /** Memory with all streams open, after the changes, and the most there ever was. */
  readonly quietMegabytes: number;
  readonly churnMegabytes: number;
  readonly peakMegabytes: number;
  readonly written: number;
  readonly pushes: number;
  readonly octetsPerPush: number;
  /** Of one core. */
  readonly cpuShare: number;
  /** Everything the process does, divided by the pushes. */
  readonly cpuUsPerPush: number;
  readonly writeMs: Spread;
  /** From the beginning of a write until streams had it. */
  readonly receivedMs: Spread;
  /** From the beginning of a write until a request arrived at one of its endpoints, through a proxy. */
  readonly usedMs: Spread;
  /** Where the time of {@link usedMs} went; none where nobody looked. */
  readonly legs: readonly Leg[];
  /** Services of which a stream had an older version in the end. */
  readonly stale: number;
  /** Who used the machine while changes were written. */
  readonly shares: readonly LoadShare[];
  readonly failures: number;
  readonly lastFailure: string;
}

/** A limit, and what was measured. */
export interface ScaleJudgement {
  readonly what: string;
  readonly value: number;
  readonly limit: number;
  readonly unit: string;
  readonly isMissed: boolean;
}

/** @returns every limit there is. Streams that everything else comes before have what they get late: that is not judged. */
export function judgeScale(figures: ScaleFigures, { streamsNiceness }: ScaleOptions): ScaleJudgement[] {
  const { receivedMs } = figures;
  const received: [what: string, value: number, limit: number, unit: string][] = [
    ["write until streams have it, p50", receivedMs.p50, 20, "ms"],
    ["write until streams have it, p99", receivedMs.p99, 150, "ms"],
  ];
  const limits: [what: string, value: number, limit: number, unit: string][] = [
    ["write until the proxy uses it, p50", figures.usedMs.p50, 20, "ms"],
    ["write until the proxy uses it, p99", figures.usedMs.p99, 150, "ms"],
    ...(streamsNiceness === 0 ? received : []),
    ["start until the first stream has everything", figures.startToFirstMs / 1_000, 15, "s"],
    ["most memory of the control plane", figures.peakMegabytes, 700, "MB"],
    ["services of which a stream has an old version", figures.stale, 0, ""],
  ];
  // What was not measured is missed.
  return limits.map(([what, value, limit, unit]) => ({
    what,
    value,
    limit,
    unit,
    isMissed: !(value <= limit),
  }));
}

/** The figures and limits as aligned text. */
export function formatScale(options: ScaleOptions, figures: ScaleFigures): string {
  const { writeMs, receivedMs, usedMs } = figures;
  const rows: [what: string, value: string][] = [
    ["services, endpoints", `${figures.services}, ${figures.endpoints}`],
    ["streams, services of each", `${figures.streams}, ${options.perStream}${options.tls ? "; TLS" : ""}`],
    ["start until the first stream had everything", `${(figures.startToFirstMs / 1_000).toFixed(1)} s`],
    [
      "start until all had",
      `${(figures.startToAllMs / 1_000).toFixed(1)} s, ${figures.startCpuSeconds.toFixed(1)} s of processor time`,
    ],
    [
      "memory quiet, after the changes, most",
      `${figures.quietMegabytes.toFixed(0)}, ${figures.churnMegabytes.toFixed(0)}, ${figures.peakMegabytes.toFixed(0)} MB`,
    ],
    ["changes", `${figures.written} in ${options.seconds} s`],
    ["pushes", `${figures.pushes} of ${figures.octetsPerPush.toFixed(0)} octets`],
    [
      "processor time meanwhile",
      `${(100 * figures.cpuShare).toFixed(0)} % of a core; ${figures.cpuUsPerPush.toFixed(0)} µs for each push, all else included`,
    ],
    ["a write", formatSpread(writeMs)],
    ["write until streams have it", formatSpread(receivedMs)],
    ["write until the proxy uses it", formatSpread(usedMs)],
    ...figures.legs.map(({ name, spread }): [string, string] => [`  of it ${name}`, formatSpread(spread)]),
    ...figures.shares.map(({ name, used, waited }): [string, string] => [
      `meanwhile ${name}`,
      `${percent(used)} of a core${waited > 0 ? `, waited ${percent(waited)}` : ""}`,
    ]),
    ["failed streams", `${figures.failures} ${figures.lastFailure}`],
  ];
  const width = Math.max(...rows.map(([what]) => what.length));
  const lines = rows.map(([what, value]) => `  ${what.padEnd(width)}  ${value}`);
  const limits = judgeScale(figures, options).map(({ what, value, limit, unit, isMissed }) =>
    `  ${isMissed ? "MISSED" : "OK    "}  ${what}: ${Number(value.toFixed(1))} (≤ ${limit}) ${unit}`.trimEnd(),
  );
  return [...lines, "limits:", ...limits].join("\n");
}

/** @param sorted ascending. @returns NaN where there is none. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** @param values in ms, in any order. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    count: sorted.length,
    p50: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    p99: quantile(sorted, 0.99),
    max: quantile(sorted, 1),
  };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function formatSpread({ count, p50, p90, p99, max }: Spread): string {
  const [a, b, c, d] = [p50, p90, p99, max].map((value) => value.toFixed(1));
  return `p50 ${a} ms, p90 ${b} ms, p99 ${c} ms, most ${d} ms (${count})`;
}
