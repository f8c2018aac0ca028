const CLOCK = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?$/;
const AGO = /^-?((?:\d+[dhms])+)$/;
const DATE = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/;
const UNIT_MS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 };
const DAY_MS = 86_400_000;

/** How people may write a moment, for help and errors. */
export const MOMENT_FORMS =
  "12:03:01 (the last time it was that late), 2026-01-31T12:03:01Z, -5m or now; all in UTC";

/**
 * Reads a moment as people write it: a time of day, which is the last one that has passed; a date with or without time and offset; `-1h30m` and
 * `90s` ago; `now`. What says no offset is UTC, as the log is.
 *
 * @returns milliseconds since 1970; undefined for anything else.
 */
export function parseMoment(text: string, nowMs: number): number | undefined {
  if (text === "now") return nowMs;
  const ago = AGO.exec(text);
  if (ago !== null) {
    let ms = 0;
    for (const [, number, unit] of ago[1]!.matchAll(/(\d+)([dhms])/g)) ms += Number(number) * UNIT_MS[unit!]!;
    return nowMs - ms;
  }
  const clock = CLOCK.exec(text);
  if (clock !== null) {
    const [hours, minutes, seconds] = [Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0)] as const;
    if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
    const midnightMs = Math.floor(nowMs / DAY_MS) * DAY_MS;
    const ms =
      midnightMs + ((hours * 60 + minutes) * 60 + seconds) * 1_000 + Number((clock[4] ?? "").padEnd(3, "0"));
    return ms > nowMs ? ms - DAY_MS : ms;
  }
  const date = DATE.exec(text);
  if (date === null) return undefined;
  const isPlain = date[1] === undefined && text.length > 10;
  const ms = Date.parse(text.replace(" ", "T") + (isPlain ? "Z" : ""));
  return Number.isNaN(ms) ? undefined : ms;
}
