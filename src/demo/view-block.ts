import { styleText } from "node:util";
import type { Way } from "./child-message.ts";
import type { PartTally, WayTally } from "./tally.ts";
import { spreadOver } from "./tally.ts";

const BAR = 21;
const NAME = 17;
const HALF = 31;

/** One backend as the view shows it. */
export interface ViewBackend {
  readonly name: string;
  readonly zone: string;
  /** What is happening to it: a short word, or "". */
  readonly note: "" | "slow" | "dead" | "new";
}

/** What the view shows of one part. */
export interface ViewPart {
  readonly title: string;
  readonly tally: PartTally;
  readonly elapsedMs: number;
  readonly backends: readonly ViewBackend[];
}

/** How the view may look. */
export interface ViewStyle {
  readonly color: boolean;
  /** Block characters instead of "#". */
  readonly blocks: boolean;
}

/**
 * Draws one part: calls per backend as bars, and the numbers that matter, both ways side by side.
 *
 * @returns lines of at most 80 columns.
 */
export function viewBlock(part: ViewPart, style: ViewStyle): string[] {
  const paint = (format: Parameters<typeof styleText>[0], text: string) =>
    style.color ? styleText(format, text, { validateStream: false }) : text;
  const seconds = Math.max(part.elapsedMs, 1) / 1000;
  const { pinned, isobar } = part.tally;
  const calls = (tally: WayTally, name: string) => tally.arrivals.get(name) ?? 0;
  const most = Math.max(
    1,
    ...part.backends.flatMap(({ name }) => [calls(pinned, name), calls(isobar, name)]),
  );
  const lines = [
    paint("bold", `${part.title}, ${seconds.toFixed(0)} s`),
    "",
    `${"calls per second".padEnd(NAME)}${"per connection (as ClusterIP)".padEnd(HALF)}through Isobar`,
  ];
  for (const backend of part.backends) {
    const half = (way: Way) => {
      const count = calls(part.tally[way], backend.name);
      const drawn = bar(count / most, style.blocks).padEnd(BAR);
      return `${paint(way === "pinned" ? "yellow" : "green", drawn)}${`${grouped(count / seconds)}/s`.padStart(7)}`;
    };
    const note = paint(NOTE_FORMAT[backend.note], backend.note.padEnd(5));
    lines.push(`${backend.name} ${backend.zone.padEnd(8)}${note} ${half("pinned")}   ${half("isobar")}`);
  }
  const alive = part.backends.filter(({ note }) => note !== "dead").map(({ name }) => name);
  const row = (label: string, show: (tally: WayTally) => string) =>
    `${label.padEnd(NAME)}${show(pinned).padEnd(HALF)}${show(isobar)}`.trimEnd();
  lines.push(
    row("max/mean", (tally) => decimal(spreadOver(tally, alive).maxOverMean)),
    row("CV", (tally) => decimal(spreadOver(tally, alive).cv)),
    row(
      "p50 p90 p99",
      (tally) => `${[0.5, 0.9, 0.99].map((p) => wholeMs(tally.latency.percentileMs(p))).join("  ")} ms`,
    ),
    row("failed", (tally) => failures(tally)),
  );
  return lines;
}

const NOTE_FORMAT = { "": "reset", slow: "yellow", dead: "red", new: "cyan" } as const;

/** @returns a number with two decimals, or "-" if there is none yet. */
export function decimal(value: number): string {
  return Number.isFinite(value) ? value.toFixed(2) : "-";
}

/** @returns milliseconds without decimals, or "-" if there is no value yet. */
export function wholeMs(value: number): string {
  return Number.isFinite(value) ? value.toFixed(0) : "-";
}

/** @returns a whole number with a comma between thousands. */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function failures(tally: WayTally): string {
  const [most] = [...tally.failures].sort((one, other) => other[1] - one[1]);
  if (most === undefined) return "0";
  return `${grouped(tally.failed)} (${most[0].toLowerCase().replaceAll("_", " ").slice(0, 20)})`;
}

// The last cell is drawn in eighths where the terminal can: bars then grow smoothly.
function bar(share: number, blocks: boolean): string {
  const eighths = Math.round(share * BAR * 8);
  if (!blocks) return "#".repeat(Math.round(eighths / 8));
  const rest = eighths % 8;
  return "█".repeat(Math.floor(eighths / 8)) + (rest === 0 ? "" : String.fromCharCode(0x2590 - rest));
}
