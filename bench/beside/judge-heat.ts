import type { Figures } from "./figures.ts";

/** How one figure of Isobar's stands to the best that any of Envoy's configurations has. */
export interface Comparison {
  readonly figure: string;
  readonly isobar: number;
  readonly best: number;
  readonly verdict: "better" | "equal" | "worse";
}

/** A heat's comparisons, and what they come to: worse if one is, else better if one is. */
export interface Judged {
  readonly comparisons: readonly Comparison[];
  readonly verdict: Comparison["verdict"];
}

/** Latencies closer than this are one: the noise of two busy cores. */
const SAME_SHARE = 0.05;
const SAME_MS = 1;
/** Counts whose difference is within so many of its standard deviations are one. */
const SAME_ERRORS = 2;

/** Requests over the target beside a new endpoint, relative to Envoy's slow start at its best. */
export const NEW_LIMIT = 0.5;
/** What the newcomer has to get at the end of its minute, in units of an even share: to send it nothing is no slow start. */
export const NEW_LEAST_SHARE = 0.6;

/** Compares Isobar with the best figure of any of Envoy's configurations, figure by figure: there is none that has them all. */
export function judgeSick(isobar: Figures, envoy: readonly Figures[]): Judged {
  const count = (figure: string, of: (one: Figures) => number): Comparison => {
    const best = Math.min(...envoy.map(of));
    const ours = of(isobar);
    const same = Math.abs(ours - best) <= SAME_ERRORS * Math.sqrt(ours + best);
    return { figure, isobar: ours, best, verdict: verdict(ours, best, same) };
  };
  const time = (figure: string, of: (one: Figures) => number): Comparison => {
    const best = Math.min(...envoy.map(of));
    const ours = of(isobar);
    const same = Math.abs(ours - best) <= Math.max(SAME_MS, SAME_SHARE * best);
    return { figure, isobar: ours, best, verdict: verdict(ours, best, same) };
  };
  const comparisons = [
    count("errors", (one) => one.errors),
    count("failed or slow", (one) => one.harmed),
    time("p90", (one) => one.p90Ms),
    time("p99", (one) => one.p99Ms),
  ];
  return { comparisons, verdict: inAll(comparisons) };
}

/** The same for a new endpoint: half of what is over the target, and the newcomer has its share in the end. */
export function judgeNew(isobar: Figures, envoy: readonly Figures[]): Judged {
  const best = Math.min(...envoy.map((one) => one.harmed));
  const comparisons: Comparison[] = [
    {
      figure: `failed or slow, ≤ ${NEW_LIMIT} ×`,
      isobar: isobar.harmed,
      best,
      verdict: isobar.harmed <= NEW_LIMIT * best ? "better" : "worse",
    },
    {
      figure: `newcomer's share in the end, ≥ ${NEW_LEAST_SHARE}`,
      isobar: isobar.lastShare,
      best: Math.max(...envoy.map((one) => one.lastShare)),
      verdict: isobar.lastShare >= NEW_LEAST_SHARE ? "equal" : "worse",
    },
  ];
  return { comparisons, verdict: inAll(comparisons) };
}

/** @returns what several verdicts come to: in one row, too. Where retries hide everything, there is nothing left to be better in. */
export function inAll(all: readonly { readonly verdict: Comparison["verdict"] }[]): Comparison["verdict"] {
  if (all.some(({ verdict }) => verdict === "worse")) return "worse";
  return all.some(({ verdict }) => verdict === "better") ? "better" : "equal";
}

function verdict(ours: number, best: number, same: boolean): Comparison["verdict"] {
  if (same) return "equal";
  return ours < best ? "better" : "worse";
}
