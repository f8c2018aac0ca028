import type { Way } from "./child-message.ts";
import { CHANNELS } from "./demo-options.ts";
import type { PartTally, WayTally } from "./tally.ts";
import { shareOf, spreadOver } from "./tally.ts";
import { decimal, grouped, wholeMs } from "./view-block.ts";

/** A part of the demo that has been shown, wholly or until it was interrupted. */
export interface ShownPart {
  readonly kind: "healthy" | "slow" | "killed" | "added";
  /** A few words for the table. */
  readonly label: string;
  /** The backend that this part is about; "" if it is about all. */
  readonly subject: string;
  /** The backends that lived during this part. */
  readonly backends: readonly string[];
  readonly tally: PartTally;
}

const LABEL = 20;
/** 1,000 and more as 1K, 1.2M: the column has four characters and a demo may run for days. */
const FAILED_FORMAT = new Intl.NumberFormat("en-US", { notation: "compact", useGrouping: false });

/** @returns what the demo has shown, as lines of at most 80 columns; the last one has max/mean of both ways. */
export function demoSummary(parts: readonly ShownPart[], seed: number, notMade: number): string[] {
  const [healthy] = parts;
  if (healthy === undefined) return ["The demo ended before anything was measured."];
  const { pinned, isobar } = healthy.tally;
  const total = parts.reduce((sum, { tally }) => sum + ended(tally.isobar), 0);
  return [
    `Summary: ${grouped(total)} calls each way over ${CHANNELS} connections, seed ${seed}; times in ms`,
    `${"".padEnd(LABEL)}    per connection                through Isobar`,
    `${"".padEnd(LABEL)}${HEADING}${HEADING}`,
    ...parts.map((part) => `${part.label.padEnd(LABEL)}${numbers(part, "pinned")}${numbers(part, "isobar")}`),
    ...parts.flatMap(remark),
    ...tooBusy(notMade, 2 * total + notMade),
    `max/mean  per connection ${maxOverMean(pinned, healthy)}   Isobar ${maxOverMean(isobar, healthy)}`,
  ];
}

const HEADING = " max/mean  p50  p90   p99 fail".padStart(30);

function numbers(part: ShownPart, way: Way): string {
  const tally = part.tally[way];
  const [p50, p90, p99] = [0.5, 0.9, 0.99].map((p) => wholeMs(tally.latency.percentileMs(p)));
  const failed = FAILED_FORMAT.format(tally.failed).padStart(5);
  return `${maxOverMean(tally, part).padStart(9)}${p50!.padStart(5)}${p90!.padStart(5)}${p99!.padStart(6)}${failed}`;
}

function remark(part: ShownPart): string[] {
  const { pinned, isobar } = part.tally;
  const shares = `${percent(pinned, part)} of the calls per connection, ${percent(isobar, part)} through Isobar`;
  switch (part.kind) {
    case "healthy":
      return [];
    case "slow":
      return [`${part.subject} slow: it got ${shares}`];
    case "killed":
      return [
        `${part.subject} killed: ${pinned.failed} calls failed per connection, ${isobar.failed} through Isobar`,
      ];
    case "added":
      return [`${part.subject} added: it got ${shares}`];
  }
}

function tooBusy(notMade: number, planned: number): string[] {
  if (notMade < planned / 100) return [];
  const percentage = Math.round((100 * notMade) / planned);
  return [`This machine was too busy to make ${percentage} % of the calls: do not trust the times.`];
}

function maxOverMean(tally: WayTally, part: ShownPart): string {
  return decimal(spreadOver(tally, part.backends).maxOverMean);
}

function percent(tally: WayTally, part: ShownPart): string {
  return `${(100 * shareOf(tally, part.subject)).toFixed(0)} %`;
}

function ended(tally: WayTally): number {
  return tally.answered + tally.failed;
}
