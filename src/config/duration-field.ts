import { z } from "zod";
import type { FieldNotes } from "./config-fields.ts";
import { fieldNotes } from "./config-fields.ts";
import { DURATION, durationMs } from "./duration-ms.ts";

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
