import { textTable } from "../cluster/text-table.ts";
import type { SizeGoal, SizeResult } from "./size-service.ts";
import { MOST_TIMES } from "./size-service.ts";

/** What the sizes are for, as a line. */
export function sizeTitle({ targetMs, utilization, peak, buffer }: SizeGoal): string {
  const kept = [
    ...(Number.isFinite(targetMs) ? [`a p99 of ${targetMs} ms`] : []),
    ...(Number.isFinite(utilization) ? [`a busiest endpoint at ${percent(utilization)}`] : []),
  ];
  return `endpoints for ${kept.join(" and ")} at ${peak} times the traffic, buffer ${percent(buffer)}`;
}

/** The sizes as a table for a terminal. */
export function sizeTable(sizes: readonly SizeResult[], goal: SizeGoal): string {
  const head = ["policy", "load", "endpoints", "by seed", "with buffer", "p99 ms", "busiest"];
  const rows = sizes.map(({ policy, load, needed, range: { from, to }, recommended, p99Ms, busiest }) => [
    policy,
    String(Number(load.toFixed(3))),
    countText(needed),
    from === to ? countText(from) : `${countText(from)}–${countText(to)}`,
    countText(recommended),
    p99Ms.toFixed(p99Ms < 10 ? 1 : 0),
    Number.isNaN(busiest) ? "-" : percent(busiest),
  ]);
  const lines = textTable([head, ...rows], [1, 2, 3, 4, 5, 6])
    .trimEnd()
    .split("\n");
  const isSome = sizes.some(({ needed, range }) => !Number.isFinite(needed + range.to));
  const never = isSome
    ? [`never: not with ${MOST_TIMES} times as many; p99 and busiest are what those come to`]
    : [];
  return [sizeTitle(goal), ...lines.map((line) => `  ${line}`), ...never, ""].join("\n");
}

function countText(count: number): string {
  return Number.isFinite(count) ? String(count) : "never";
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(share < 0.1 ? 1 : 0))} %`;
}
