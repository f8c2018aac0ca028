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
  /** Both axes begin at 0 unless logarithmic. */
  readonly logX?: boolean;
  readonly logY?: boolean;
  /** Where the y axis ends at most. */
  readonly mostY?: number;
  /** Vertical marks with a word each. */
  readonly marks?: readonly { readonly x: number; readonly text: string }[];
}

const WIDTH = 560;
const HEIGHT = 300;
const LEFT = 56;
const RIGHT = 12;
const TOP = 14;
const BOTTOM = 42;
/** Lines are told apart by colour and dashes: classes l0 to l7 of the page, then dashed ones. */
const COLORS = 8;

/** @returns a figure with an SVG of lines, whose colours come from the page around it, and a legend. */
export function linePlot(plot: Plot): string {
  const { title, xTitle, yTitle, lines, marks = [] } = plot;
  const all = lines
    .flatMap(({ points }) => points)
    .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  if (all.length === 0) return "";
  const xAxis = axis(
    all.map(({ x }) => x),
    plot.logX === true,
    undefined,
  );
  const yAxis = axis(
    all.map(({ y }) => y),
    plot.logY === true,
    plot.mostY,
  );
  const xAt = (x: number) => LEFT + xAxis.at(x) * (WIDTH - LEFT - RIGHT);
  const yAt = (y: number) =>
    HEIGHT - BOTTOM - Math.min(1, Math.max(0, yAxis.at(y))) * (HEIGHT - TOP - BOTTOM);
  const grid = [
    ...xAxis.ticks.map((x) => {
      const at = xAt(x).toFixed(1);
      return `<path class="grid" d="M${at} ${TOP}V${HEIGHT - BOTTOM}"/><text x="${at}" y="${HEIGHT - BOTTOM + 15}" text-anchor="middle">${tick(x)}</text>`;
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
    return `<path class="line ${lineClass(i)}" d="${path.join("")}"/>`;
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

function axis(values: readonly number[], isLog: boolean, most: number | undefined): Axis {
  const highest = Math.min(most ?? Number.POSITIVE_INFINITY, Math.max(...values));
  if (!isLog) {
    const step = niceStep(highest / 5);
    const end = Math.max(step, Math.ceil(highest / step - 1e-9) * step);
    const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, i) => i * step);
    return { at: (value) => value / end, ticks };
  }
  const low = Math.log10(Math.max(1e-6, Math.min(...values)));
  const high = Math.max(low + 0.1, Math.log10(highest));
  const ticks: number[] = [];
  for (let power = Math.floor(low); power <= high; power++) {
    for (const digit of high - low > 2.5 ? [1] : [1, 2, 5]) {
      const value = digit * 10 ** power;
      if (Math.log10(value) >= low - 1e-9 && Math.log10(value) <= high + 1e-9) ticks.push(value);
    }
  }
  return { at: (value) => (Math.log10(Math.max(1e-9, value)) - low) / (high - low), ticks };
}

function niceStep(rough: number): number {
  if (!(rough > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].find((digit) => digit * power >= rough)! * power;
}

function tick(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function lineClass(i: number): string {
  return `l${i % COLORS}${i < COLORS ? "" : " dashed"}`;
}
