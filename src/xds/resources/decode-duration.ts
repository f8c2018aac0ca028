import type { Duration } from "@bufbuild/protobuf/wkt";

/** The longest a timer can wait. */
const MAX_MS = 2 ** 31 - 1;

/** @returns the duration in whole ms, at least 1 unless it is none; `otherwise` where there is none. */
export function decodeDuration(duration: Duration | undefined, otherwise: number): number {
  if (duration === undefined) return otherwise;
  const ms = Number(duration.seconds) * 1000 + duration.nanos / 1_000_000;
  return ms <= 0 ? 0 : Math.min(MAX_MS, Math.max(1, Math.round(ms)));
}
