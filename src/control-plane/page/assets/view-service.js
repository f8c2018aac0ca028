import { h } from "./dom.js";
import { count, errorClass, ms, percent, rate, ratio, skewClass, zoneName } from "./format.js";
import { matrix } from "./matrix.js";
import { bar, table } from "./table.js";

const COLUMNS = [
  { label: "Endpoint" },
  { label: "State", wide: true },
  { label: "Zone" },
  { label: "Node" },
  { label: "Weight", number: true },
  { label: "Requests/s", number: true },
  {
    label: "Of fair",
    number: true,
    title: "its requests over those it would have if all were even, by weight",
  },
  { label: "In flight", number: true },
  { label: "Errors/s", number: true },
  { label: "p50", number: true },
  { label: "p99", number: true },
];

const STATE_CLASSES = {
  serving: "good",
  idle: "quiet",
  unhealthy: "bad",
  draining: "warn",
  "set aside": "bad",
};

/** One service with its endpoints. */
export const serviceView = {
  title: "Service",
  /** @param {URLSearchParams} params */
  url: (params) => `api/service?${new URLSearchParams({ name: params.get("name") ?? "" })}`,
  /** @param {any} data @param {URLSearchParams} _params @param {any} overview */
  render(data, _params, overview) {
    const { line } = data;
    const most = Math.max(1, ...data.rows.map((/** @type {any} */ row) => row.requestsPerSecond ?? 0));
    const rows = data.rows.map((/** @type {any} */ row) => [
      row.endpoint,
      h(
        "span",
        {},
        h("span", { class: STATE_CLASSES[/** @type {keyof typeof STATE_CLASSES} */ (row.state)] }, row.state),
        row.why === "" ? "" : h("span", { class: "quiet" }, `: ${row.why}`),
      ),
      zoneName(row.zone),
      row.node || null,
      row.weight,
      h(
        "span",
        {},
        bar(row.requestsPerSecond ?? 0, most),
        rate(row.requestsPerSecond ?? (line.requestsPerSecond > 0 ? 0 : null)),
      ),
      h("span", { class: row.ofFair > 1.3 ? skewClass(row.ofFair) : "" }, ratio(row.ofFair)),
      count(row.inFlight),
      h("span", { class: row.errorsPerSecond > 0.01 ? "warn" : "" }, rate(row.errorsPerSecond)),
      ms(row.p50Ms),
      ms(row.p99Ms),
    ]);
    const name = encodeURIComponent(line.name);
    return [
      h("h2", {}, line.name),
      h(
        "p",
        { class: "quiet" },
        `Policy ${line.policy}${line.policy === "least_request" ? `, metric ${data.metric}` : ""}, trafficDistribution ${data.distribution}, ${data.protocol}`,
        data.cause === "" ? "" : `, from ${data.cause}`,
      ),
      h(
        "p",
        {},
        h("a", { href: `#/explain?service=${name}` }, "Explain a pick"),
        " · ",
        h("a", { href: `#/timeline?service=${name}` }, "What changed"),
      ),
      figures(line),
      h("h3", {}, "Endpoints"),
      overview?.replicas > 0
        ? h(
            "p",
            { class: "quiet" },
            "Requests, errors and durations of single endpoints, and between zones, are of this replica's clients; streams in flight are of all.",
          )
        : null,
      rows.length === 0 ? h("p", { class: "bad" }, "It has none.") : table("Endpoints", COLUMNS, rows),
      data.omitted > 0 ? h("p", { class: "quiet" }, `${count(data.omitted)} more are not shown.`) : null,
      h("h3", {}, "Requests between zones"),
      matrix(data.flows),
      data.routes.length === 0 ? null : h("h3", {}, "Routes"),
      data.routes.length === 0
        ? null
        : h("ul", { class: "plain" }, ...data.routes.map((/** @type {string} */ each) => h("li", {}, each))),
      h("h3", {}, "Called as"),
      h("p", { class: "quiet" }, data.authorities.join(", ")),
    ].filter((each) => each !== null);
  },
};

/** @param {any} line @returns {Element} */
function figures(line) {
  /** @type {[string, string, string][]} */
  const all = [
    ["Skew", ratio(line.skew?.maxOverMean), skewClass(line.skew?.maxOverMean)],
    ["Requests/s", rate(line.requestsPerSecond), ""],
    ["Errors", percent(line.errorShare), errorClass(line.errorShare)],
    ["In flight", count(line.inFlight), ""],
    ["p99", ms(line.p99Ms), ""],
    ["Cross-zone", percent(line.crossZoneShare), ""],
    ["Callers", String(line.callers), ""],
  ];
  return h(
    "dl",
    { class: "figures" },
    ...all.map(([label, text, kind]) => h("div", {}, h("dt", {}, label), h("dd", { class: kind }, text))),
  );
}
