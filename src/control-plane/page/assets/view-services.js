import { h } from "./dom.js";
import { count, errorClass, ms, percent, rate, ratio, skewClass } from "./format.js";
import { bar, field, pager, serviceLink, table } from "./table.js";

const SIZE = 100;
const COLUMNS = [
  { label: "Service", sort: "name" },
  {
    label: "Skew",
    sort: "skew",
    number: true,
    title: "most requests at one healthy endpoint over the mean, by weight; 1 is even",
  },
  { label: "CV", number: true, title: "standard deviation over mean of the same; 0 is even" },
  { label: "Requests/s", sort: "requests", number: true },
  { label: "Errors", sort: "errors", number: true },
  { label: "In flight", sort: "in_flight", number: true },
  { label: "p99", sort: "p99", number: true, title: "of attempts at its endpoints" },
  { label: "Cross-zone", sort: "cross_zone", number: true },
  { label: "Endpoints", sort: "endpoints", number: true, title: "healthy of all" },
  { label: "Callers", number: true },
];

/** Services, the most skewed first. */
export const servicesView = {
  title: "Services",
  /** @param {URLSearchParams} params */
  url(params) {
    const query = new URLSearchParams({ limit: String(SIZE), sort: "skew", ...Object.fromEntries(params) });
    return `api/services?${query}`;
  },
  /** @param {any} data @param {URLSearchParams} params */
  render(data, params) {
    const order = { sort: params.get("sort") ?? "skew", reverse: params.get("reverse") === "1" };
    const most = Math.max(2, ...data.services.map((/** @type {any} */ line) => line.skew?.maxOverMean ?? 0));
    const rows = data.services.map((/** @type {any} */ line) => [
      serviceLink(line.name),
      line.skew === null
        ? h("span", { class: "quiet" }, "–")
        : h(
            "span",
            { title: `by ${line.skew.of === "requests" ? "requests" : "streams in flight"}` },
            bar(line.skew.maxOverMean - 1, most - 1),
            h("span", { class: skewClass(line.skew.maxOverMean) }, ratio(line.skew.maxOverMean)),
          ),
      ratio(line.skew?.variation),
      rate(line.requestsPerSecond),
      h("span", { class: errorClass(line.errorShare) }, percent(line.errorShare)),
      count(line.inFlight),
      ms(line.p99Ms),
      percent(line.crossZoneShare),
      h(
        "span",
        { class: line.healthy < line.endpoints || line.setAside > 0 ? "warn" : "" },
        `${line.healthy}/${line.endpoints}${line.setAside > 0 ? `, ${line.setAside} set aside` : ""}`,
      ),
      line.callers,
    ]);
    return [
      h("h2", {}, "Services"),
      h(
        "div",
        { class: "tools", role: "search" },
        field(
          "Search",
          h("input", {
            type: "search",
            "data-param": "search",
            value: params.get("search") ?? "",
            placeholder: "part of a name",
          }),
        ),
        field(
          "Namespace",
          h("input", { type: "search", "data-param": "namespace", value: params.get("namespace") ?? "" }),
        ),
        field("Sort by", sortSelect(order.sort)),
      ),
      data.matched === 0
        ? h("p", {}, data.total === 0 ? "No services are known." : "No service matches.")
        : table("Services", COLUMNS, rows, order),
      pager(data.offset, data.services.length, data.matched, SIZE),
    ];
  },
};

/** @param {string} sort @returns {Element} */
function sortSelect(sort) {
  const sortable = COLUMNS.filter((column) => column.sort !== undefined);
  return h(
    "select",
    { "data-param": "sort" },
    ...sortable.map((column) =>
      h("option", { value: column.sort, selected: column.sort === sort }, column.label),
    ),
  );
}
