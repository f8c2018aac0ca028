import { h } from "./dom.js";
import { field, serviceField, serviceLink } from "./table.js";

const WINDOWS = [
  ["15", "15 minutes"],
  ["60", "1 hour"],
  ["360", "6 hours"],
  ["1440", "1 day"],
];
const KIND_CLASSES = { new: "good", changed: "", removed: "bad" };

/** What changed, from the audit. */
export const timelineView = {
  title: "Timeline",
  everyMs: 5_000,
  /** @param {URLSearchParams} params */
  url: (params) =>
    `api/timeline?${new URLSearchParams({
      minutes: params.get("minutes") ?? "60",
      service: params.get("service") ?? "",
    })}`,
  /** @param {any} data @param {URLSearchParams} params */
  render(data, params) {
    const minutes = params.get("minutes") ?? "60";
    return [
      h("h2", {}, "Timeline"),
      h(
        "div",
        { class: "tools", role: "search" },
        serviceField(params, "shop/echo"),
        field(
          "Of the last",
          h(
            "select",
            { "data-param": "minutes" },
            ...WINDOWS.map(([value, label]) =>
              h("option", { value, selected: value === minutes }, label ?? ""),
            ),
          ),
        ),
      ),
      data.changes.length === 0 ? h("p", {}, "Nothing changed.") : "",
      data.more ? h("p", { class: "quiet" }, `The newest ${data.changes.length}; there were more.`) : "",
      h("ol", { class: "changes" }, ...data.changes.map(changeItem)),
    ];
  },
};

/** @param {any} change @returns {Element} */
function changeItem(change) {
  const kind = /** @type {keyof typeof KIND_CLASSES} */ (change.kind);
  const name = change.subject.includes(" ") ? change.subject : serviceLink(change.subject);
  const rows = change.diff.map((/** @type {any} */ each) =>
    h(
      "tr",
      {},
      h("td", {}, each.place),
      h("td", { class: "quiet" }, each.was ?? ""),
      h("td", {}, each.is === null ? "(gone)" : each.is),
    ),
  );
  return h(
    "li",
    { "data-key": `${change.record} ${change.subject}` },
    h("time", { datetime: change.at, class: "quiet" }, change.at.replace("T", " ").replace("Z", " UTC")),
    " ",
    h("span", { class: KIND_CLASSES[kind] }, change.kind),
    " ",
    name,
    change.cause === "" ? "" : h("span", { class: "quiet" }, ` – ${change.cause}`),
    h("span", { class: "quiet" }, ` #${change.record}`),
    rows.length === 0
      ? ""
      : h(
          "details",
          {},
          h(
            "summary",
            {},
            `${rows.length + change.omitted} ${rows.length + change.omitted === 1 ? "difference" : "differences"}`,
          ),
          h(
            "table",
            { class: "diff" },
            h(
              "thead",
              {},
              h("tr", {}, ...["Where", "Was", "Is"].map((label) => h("th", { scope: "col" }, label))),
            ),
            h("tbody", {}, ...rows),
          ),
        ),
  );
}
