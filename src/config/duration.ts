import { z } from "zod";
import type { FieldNotes } from "./config-fields.ts";
import { fieldNotes } from "./config-fields.ts";

const PART = /(\d+(?:\.\d+)?)(ms|s|m|h)/g;
const DURATION = /^(?:\d{1,7}(?:\.\d{1,3})?(?:ms|s|m|h)){1,4}$/;
const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** @param text as Kubernetes and Go write durations: `300s`, `1h30m`, `250ms`; checked by {@link durationField}. */
export function durationMs(text: string): number {
  let sum = 0;
  for (const [, count, unit] of text.matchAll(PART)) sum += Number(count) * MS_PER_UNIT[unit!]!;
  return Math.round(sum);
}

/** A duration as Kubernetes writes it, at most `maxMs` and at least `minMs`. */
export function durationField(minMs: number, maxMs: number, notes: Omit<FieldNotes, "wanted">) {
  return z
    .string()
    .refine((text) => DURATION.test(text) && durationMs(text) >= minMs && durationMs(text) <= maxMs)
    .register(fieldNotes, {
      ...notes,
      wanted: `a duration from ${formatDuration(minMs)} to ${formatDuration(maxMs)}, such as "30s" or "250ms"`,
    });
}

function formatDuration(ms: number): string {
  if (ms >= 3_600_000 && ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms >= 1_000 && ms % 1_000 === 0) return `${ms / 1_000}s`;
  return `${ms}ms`;
}
