/** One line of a plot. */
export interface PlotLine {
  readonly name: string;
  /** A gap where `y` is not a number. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** What a plot shows. */
export interface Plot {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly lines: readonly PlotLine[];
  /** Axes begin at 0 unless they are logarithmic; with `fitX` the x axis is as long as the points are. */
  readonly logX?: boolean;
  readonly fitX?: boolean;
  /** `wide`: logarithmic when the largest value is many times the smallest, so that one line does not flatten all others. */
  readonly logY?: boolean | "wide";
  /** What stands at a mark of the x axis. Default: the number. */
  readonly nameX?: (x: number) => string;
  /** Where the y axis ends at most. */
  readonly mostY?: number;
  /** Vertical marks with a word each. */
  readonly marks?: readonly { readonly x: number; readonly text: string }[];
}

const WIDTH = 560;
const HEIGHT = 300;
const LEFT = 60;
const RIGHT = 24;
const TOP = 14;
const BOTTOM = 42;
/** Lines are told apart by colour and dashes: classes l0 to l7 of the page, then dashed ones. */
const COLORS = 8;
/** Largest value over smallest from which a `wide` axis is logarithmic. */
const WIDE = 20;
/** Lines of fewer points than this show them. */
const DOTTED = 12;

/** @returns a figure with an SVG of lines, whose colours come from the page around it, and a legend. */
export function linePlot(plot: Plot): string {
  const { title, xTitle, yTitle, lines, marks = [] } = plot;
  const all = lines
    .flatMap(({ points }) => points)
    .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  if (all.length === 0) return "";
  const ys = all.map(({ y }) => y);
  const xAxis = axisOf(
    all.map(({ x }) => x),
    plot.logX === true ? "log" : plot.fitX === true ? "fit" : "time",
  );
  const isWide = plot.logY === "wide" && Math.min(...ys) > 0 && Math.max(...ys) > WIDE * Math.min(...ys);
  const yAxis = axisOf(ys, plot.logY === true || isWide ? "log" : "from 0", plot.mostY);
  const xAt = (x: number) => LEFT + xAxis.at(x) * (WIDTH - LEFT - RIGHT);
  const yAt = (y: number) =>
    HEIGHT - BOTTOM - Math.min(1, Math.max(0, yAxis.at(y))) * (HEIGHT - TOP - BOTTOM);
  const grid = [
    ...xAxis.ticks.map((x) => {
      const at = xAt(x).toFixed(1);
      return `<path class="grid" d="M${at} ${TOP}V${HEIGHT - BOTTOM}"/><text x="${at}" y="${HEIGHT - BOTTOM + 15}" text-anchor="middle">${plot.nameX?.(x) ?? tick(x)}</text>`;
    }),
    ...yAxis.ticks.map((y) => {
      const at = yAt(y).toFixed(1);
      return `<path class="grid" d="M${LEFT} ${at}H${WIDTH - RIGHT}"/><text x="${LEFT - 6}" y="${(yAt(y) + 4).toFixed(1)}" text-anchor="end">${tick(y)}</text>`;
    }),
    ...marks.map(({ x, text }) => {
      const at = xAt(x).toFixed(1);
      return `<path class="mark" d="M${at} ${TOP}V${HEIGHT - BOTTOM}"/><text class="markText" x="${(xAt(x) + 4).toFixed(1)}" y="${TOP + 10}">${escapeText(text)}</text>`;
    }),
  ];
  const paths = lines.map(({ points }, i) => {
    let isOpen = false;
    const path = points.map(({ x, y }) => {
      if (!Number.isFinite(x) || !Number.isFinite(y)) {
        isOpen = false;
        return "";
      }
      const step = `${isOpen ? "L" : "M"}${xAt(x).toFixed(1)} ${yAt(y).toFixed(1)}`;
      isOpen = true;
      return step;
    });
    const dots = points.filter(
      ({ x, y }) => points.length < DOTTED && Number.isFinite(x) && Number.isFinite(y),
    );
    return [
      `<path class="line ${lineClass(i)}" d="${path.join("")}"/>`,
      ...dots.map(
        ({ x, y }) =>
          `<circle class="dot ${lineClass(i)}" cx="${xAt(x).toFixed(1)}" cy="${yAt(y).toFixed(1)}" r="3"/>`,
      ),
    ].join("");
  });
  const legend = lines.map(
    ({ name }, i) =>
      `<span><svg width="26" height="8" aria-hidden="true"><path class="line ${lineClass(i)}" d="M1 4H25"/></svg>${escapeText(name)}</span>`,
  );
  const middle = LEFT + (WIDTH - LEFT - RIGHT) / 2;
  return [
    `<figure><figcaption>${escapeText(title)}</figcaption>`,
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeText(title)}">`,
    ...grid,
    `<text x="${middle}" y="${HEIGHT - 8}" text-anchor="middle">${escapeText(xTitle)}</text>`,
    `<text transform="translate(13 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">${escapeText(yTitle)}</text>`,
    ...paths,
    `</svg><div class="legend">${legend.join("")}</div></figure>`,
  ].join("\n");
}

/** @returns text as HTML. */
export function escapeText(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

interface Axis {
  /** 0 to 1 along the axis. */
  at(value: number): number;
  readonly ticks: readonly number[];
}

/**
 * `log`: from round number to round number. `from 0`: to a round number. `time`: from 0 to the last value. `fit`: from the first value to the last.
 *
 * @param most where it ends at most.
 */
function axisOf(
  values: readonly number[],
  kind: "log" | "from 0" | "time" | "fit",
  most = Number.POSITIVE_INFINITY,
): Axis {
  const highest = Math.min(most, Math.max(...values));
  const lowest = Math.min(...values);
  if (kind === "log") return logAxis(Math.max(1e-6, lowest), highest);
  const start = kind === "fit" && lowest < highest ? lowest : 0;
  const step = niceStep((highest - start) / 8);
  const last = Math.max(step, Math.ceil(highest / step - 1e-9) * step);
  const end = kind === "from 0" || !(highest > 0) ? last : highest;
  const first = Math.ceil(start / step - 1e-9);
  const ticks = Array.from(
    { length: Math.max(0, Math.floor(end / step + 1e-9) - first + 1) },
    (_, i) => (first + i) * step,
  );
  return { at: (value) => (value - start) / (end - start), ticks };
}

function logAxis(lowest: number, highest: number): Axis {
  const marks: number[] = [];
  for (let power = Math.floor(Math.log10(lowest)); power <= Math.log10(highest) + 1; power++)
    for (const digit of [1, 2, 5]) marks.push(digit * 10 ** power);
  const below = marks.filter((mark) => mark <= lowest * (1 + 1e-9)).at(-1)!;
  const above = marks.find((mark) => mark >= highest * (1 - 1e-9) && mark > below)!;
  const low = Math.log10(below);
  const high = Math.log10(above);
  const isLong = high - low > 3.5;
  const ticks = marks.filter(
    (mark) => mark >= below && mark <= above && (!isLong || Number.isInteger(round(Math.log10(mark)))),
  );
  return { at: (value) => (Math.log10(Math.max(1e-9, value)) - low) / (high - low), ticks };
}

function round(value: number): number {
  return Number(value.toFixed(9));
}

function niceStep(rough: number): number {
  if (!(rough > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].find((digit) => digit * power >= rough)! * power;
}

/** With a narrow space between thousands. */
function tick(value: number): string {
  return String(Number(value.toPrecision(6))).replace(/\B(?=(\d{3})+$)/, "\u202f");
}

function lineClass(i: number): string {
  return `l${i % COLORS}${i < COLORS ? "" : " dashed"}`;
}
