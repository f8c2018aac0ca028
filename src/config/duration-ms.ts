/** What {@link durationMs} reads: `300s`, `1h30m`, `250ms`. Source: Gateway API, GEP-2257, and Go's durations. */
export const DURATION = /^(?:\d{1,7}(?:\.\d{1,3})?(?:ms|s|m|h)){1,4}$/;

const PART = /(\d+(?:\.\d+)?)(ms|s|m|h)/g;
const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** @param text matches {@link DURATION}. */
export function durationMs(text: string): number {
  let sum = 0;
  for (const [, count, unit] of text.matchAll(PART)) sum += Number(count) * MS_PER_UNIT[unit!]!;
  return Math.round(sum);
}
