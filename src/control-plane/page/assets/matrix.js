import { h } from "./dom.js";
import { percent, rate, zoneName } from "./format.js";

const LABEL = 120;
const HEIGHT = 34;
const WIDTH = 600;
/** With more zones than these the figures would not be legible. */
const MAX_ZONES = 8;

/**
 * Requests from each zone to each zone, as a drawing with the same as its text.
 *
 * @param {readonly {from: string, to: string, requestsPerSecond: number}[]} flows
 * @returns {Element}
 */
export function matrix(flows) {
  const total = flows.reduce((sum, flow) => sum + flow.requestsPerSecond, 0);
  if (total <= 0) return h("p", { class: "quiet" }, "No caller reports requests.");
  const froms = busiest(flows, "from");
  const tos = busiest(flows, "to");
  const cell = (WIDTH - LABEL) / tos.length;
  const most = flows.reduce((a, flow) => Math.max(a, flow.requestsPerSecond), 0);
  const at = (/** @type {string} */ from, /** @type {string} */ to) =>
    flows.find((flow) => flow.from === from && flow.to === to)?.requestsPerSecond ?? 0;
  const spoken = flows
    .map(
      (flow) => `${zoneName(flow.from)} to ${zoneName(flow.to)}: ${rate(flow.requestsPerSecond)} per second`,
    )
    .join("; ");
  const rows = froms.flatMap((from, y) => [
    h("text", { x: 0, y: (y + 1) * HEIGHT + 22 }, short(zoneName(from), 16)),
    ...tos.flatMap((to, x) => {
      const value = at(from, to);
      const box = { x: LABEL + x * cell, y: (y + 1) * HEIGHT, width: cell - 2, height: HEIGHT - 2 };
      const strength = value === 0 ? 0.03 : 0.12 + 0.38 * (value / most);
      return [
        h(
          "rect",
          { ...box, "fill-opacity": strength.toFixed(2), class: from === to && "own" },
          h("title", {}, `${zoneName(from)} → ${zoneName(to)}: ${rate(value)}/s, ${percent(value / total)}`),
        ),
        h(
          "text",
          { x: box.x + cell / 2 - 1, y: box.y + 21, "text-anchor": "middle" },
          value === 0 ? "" : rate(value),
        ),
      ];
    }),
  ]);
  return h(
    "div",
    {},
    h(
      "svg",
      {
        class: "matrix",
        role: "img",
        viewBox: `0 0 ${WIDTH} ${(froms.length + 1) * HEIGHT}`,
        "aria-label": `Requests per second between zones: ${spoken}`,
      },
      h("text", { class: "quiet", x: 0, y: 20 }, "from ↓ to →"),
      ...tos.map((to, x) =>
        h(
          "text",
          { class: "quiet", x: LABEL + x * cell + cell / 2, y: 20, "text-anchor": "middle" },
          short(zoneName(to), Math.floor(cell / 8)),
        ),
      ),
      ...rows,
    ),
    h(
      "p",
      { class: "quiet" },
      `${percent(crossing(flows))} of ${rate(total)} requests/s leave their zone. A thick border is a zone's own.`,
    ),
  );
}

/** @param {readonly any[]} flows @param {"from" | "to"} side @returns {string[]} the zones with most requests, by name */
function busiest(flows, side) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const flow of flows) sums.set(flow[side], (sums.get(flow[side]) ?? 0) + flow.requestsPerSecond);
  const zones = [...sums].sort((a, b) => b[1] - a[1]).slice(0, MAX_ZONES);
  return zones.map(([zone]) => zone).sort();
}

/** @param {readonly any[]} flows @returns {number | null} */
function crossing(flows) {
  const known = flows.filter((flow) => flow.from !== "" && flow.to !== "");
  const all = known.reduce((sum, flow) => sum + flow.requestsPerSecond, 0);
  const away = known
    .filter((flow) => flow.from !== flow.to)
    .reduce((sum, flow) => sum + flow.requestsPerSecond, 0);
  return all === 0 ? null : away / all;
}

/** @param {string} text @param {number} length @returns {string} */
function short(text, length) {
  return text.length <= length ? text : `…${text.slice(-(length - 1))}`;
}
