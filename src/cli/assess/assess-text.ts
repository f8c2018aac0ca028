import { textTable } from "../cluster/text-table.ts";
import type { AssessedService, Assessment } from "./assess-services.ts";
import { FINE_SKEW } from "./pods-saved.ts";

/** What `isobar assess` prints. */
export function assessText({ services, metrics, window, notes }: Assessment): string {
  const about = `the last ${window}, by ${metrics.join(", ")}\n`;
  const left = notes.length === 0 ? "" : `\nleft out: ${notes.join(", ")}\n`;
  if (services.length === 0) return `nothing to compare in ${about}${left}`;
  const rows = services.map((each) => [
    `${each.namespace}/${each.service}`,
    `${each.pods}`,
    loadText(each),
    each.maxOverMean.toFixed(2),
    each.variation.toFixed(2),
    each.crossZone === null ? "-" : `~${Math.round(each.crossZone * 100)} %`,
    savedText(each),
    each.maxOverMean < FINE_SKEW ? "(fine as it is)" : each.bestMode,
  ]);
  const head = ["SERVICE", "PODS", "LOAD", "MAX/MEAN", "CV", "CROSS-ZONE", "PODS SAVED", "BEST MODE"];
  return `${about}\n${textTable([head, ...rows], [1, 2, 3, 4, 5, 6])}${left}`;
}

function loadText({ by, load }: AssessedService): string {
  return by === "cpu" ? `${load.toFixed(1)} cores` : `${load < 10 ? load.toFixed(1) : Math.round(load)}/s`;
}

function savedText({ podsSaved: { from, to } }: AssessedService): string {
  return from === to ? `${from}` : `${from}–${to}`;
}
