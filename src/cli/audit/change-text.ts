import type { Json, JsonDiff } from "../../audit/json-diff.ts";
import type { Change } from "../../audit/list-changes.ts";
import { causeText } from "./audit-text.ts";

/** Lines that are shown of one change. */
const MOST_LINES = 20;
const MAX_VALUE = 120;

/** @returns a change in some lines: when, what, why, and what of it. */
export function changeText({ record, at, subject, kind, cause, diff, replica }: Change): string {
  const lines = kind === "changed" && diff !== undefined ? diffLines(diff) : [];
  const shown = lines.slice(0, MOST_LINES).map((line) => `    ${line}\n`);
  if (lines.length > MOST_LINES) shown.push(`    and ${lines.length - MOST_LINES} more; -o json has all\n`);
  const of = replica === undefined ? "" : ` of ${replica}`;
  return `${at} record ${record}${of} ${subject} ${kind}: ${causeText(cause)}\n${shown.join("")}`;
}

/** @returns each place that differs in a line: `+` new, `-` gone, `~` another. */
export function diffLines({ set = {}, unset = [], was = {} }: JsonDiff): string[] {
  const gone = unset.map(
    (place) => `- ${placeText(place)}${was[place] === undefined ? "" : ` ${valueText(was[place])}`}`,
  );
  const others = Object.entries(set).map(([place, value]) => {
    const before = was[place];
    return before === undefined
      ? `+ ${placeText(place)} ${valueText(value)}`
      : `~ ${placeText(place)} ${valueText(before)} -> ${valueText(value)}`;
  });
  return [...gone, ...others];
}

/** JSON Pointers are for programs. */
function placeText(place: string): string {
  return place.slice(1).replaceAll("/", ".").replaceAll("~1", "/").replaceAll("~0", "~");
}

function valueText(value: Json): string {
  const text = JSON.stringify(value);
  return text.length <= MAX_VALUE ? text : `${text.slice(0, MAX_VALUE - 1)}…`;
}
