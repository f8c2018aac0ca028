import { h } from "./dom.js";
import { count, percent, ratio, zoneName } from "./format.js";
import { bar, field, serviceField, serviceLink, table } from "./table.js";

const COLUMNS = [
  { label: "Endpoint" },
  { label: "Zone" },
  { label: "Tier" },
  { label: "In flight", number: true },
  { label: "Weight", number: true },
  { label: "Of the next picks", number: true },
];

/** What a proxy's picker would choose. */
export const explainView = {
  title: "Explain",
  /** @param {URLSearchParams} params */
  url(params) {
    if (!params.get("service")) return "api/overview";
    const [zone = "", region = ""] = (params.get("place") ?? "").split("|");
    return `api/explain?${new URLSearchParams({
      service: params.get("service") ?? "",
      node: params.get("node") ?? "",
      zone,
      region,
    })}`;
  },
  /** @param {any} data @param {URLSearchParams} params @param {any} overview */
  render(data, params, overview) {
    const form = h(
      "div",
      { class: "tools" },
      serviceField(params, "echo.shop:50051"),
      field(
        "Caller's zone",
        h(
          "select",
          { "data-param": "place" },
          h("option", { value: "" }, "not known"),
          ...(overview?.zones ?? []).map((/** @type {any} */ { zone, region }) => {
            const value = `${zone}|${region}`;
            return h("option", { value, selected: params.get("place") === value }, zone);
          }),
        ),
      ),
      field(
        "or its node",
        h("input", { type: "search", "data-param": "node", value: params.get("node") ?? "" }),
      ),
    );
    const head = [h("h2", {}, "Explain a pick"), form];
    if (data.tiers === undefined)
      return [...head, h("p", { class: "quiet" }, "Name a service, and where the caller is.")];
    return [...head, ...result(data)];
  },
};

/** @param {any} data @returns {(Element | string)[]} */
function result(data) {
  const most = Math.max(...data.endpoints.map((/** @type {any} */ each) => each.picked), 0);
  const rows = data.endpoints.map((/** @type {any} */ each) => [
    each.endpoint,
    zoneName(each.zone),
    each.tier || h("span", { class: "quiet" }, `left out: ${each.leftOut}`),
    count(each.inFlight),
    ratio(each.weight),
    h("span", {}, bar(each.picked, most), percent(each.picked)),
  ]);
  const where =
    data.node === "" ? `in zone ${zoneName(data.zone)}` : `on ${data.node} (zone ${zoneName(data.zone)})`;
  return [
    h(
      "p",
      {},
      serviceLink(data.service),
      ` as called ${where}: policy ${data.policy}${data.policy === "least_request" ? `, metric ${data.metric}` : ""}.`,
    ),
    h(
      "ul",
      { class: "plain" },
      ...data.tiers.map((/** @type {any} */ tier) =>
        h("li", {}, `Tier ${tier.tier}: ${percent(tier.share)} of the picks, ${tier.candidates} candidates`),
      ),
    ),
    h("h3", {}, "Endpoints"),
    table("Endpoints", COLUMNS, rows),
    data.omitted > 0 ? h("p", { class: "quiet" }, `${count(data.omitted)} more are not shown.`) : "",
    h("h3", {}, "The next picks, step by step"),
    h("ol", { class: "plain" }, ...data.picks.map((/** @type {any} */ pick) => h("li", {}, pickText(pick)))),
    h("h3", {}, "What this is"),
    h("ul", { class: "plain quiet" }, ...data.notes.map((/** @type {string} */ note) => h("li", {}, note))),
  ];
}

/** @param {any} pick @returns {string} */
function pickText({ tier, drawn, winner }) {
  const seen = drawn.map((/** @type {any} */ each) => `${each.endpoint} (${each.load} in flight)`);
  const how = seen.length === 0 ? "no load was looked at" : `drawn ${seen.join(" and ")}`;
  return `tier ${tier}: ${how} → ${winner}`;
}
