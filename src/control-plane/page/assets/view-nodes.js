import { h } from "./dom.js";
import { ago, count, rate, zoneName } from "./format.js";
import { field, pager, table } from "./table.js";

const SIZE = 100;
const COLUMNS = [
  { label: "Node" },
  { label: "Client" },
  { label: "Version" },
  { label: "Zone" },
  { label: "Connected", number: true },
  { label: "Resources", number: true, title: "xDS resources that it has been sent" },
  { label: "Refused", wide: true },
  { label: "Requests/s", number: true },
  { label: "In flight", number: true },
];

/** Clients of the control plane, and how far their versions are apart. */
export const nodesView = {
  title: "Nodes",
  /** @param {URLSearchParams} params */
  url: (params) => `api/nodes?${new URLSearchParams({ limit: String(SIZE), ...Object.fromEntries(params) })}`,
  /** @param {any} data @param {URLSearchParams} params */
  render(data, params) {
    const nowMs = Date.parse(data.at);
    const ours = data.versions.filter((/** @type {any} */ each) => each.kind === "isobar");
    const newest = ours[0]?.version;
    const rows = data.nodes.map((/** @type {any} */ node) => [
      node.node || "(no name)",
      node.kind === "isobar" ? node.agent : node.agent || node.kind,
      h(
        "span",
        { class: node.kind === "isobar" && node.version !== newest ? "warn" : "" },
        node.version || "–",
      ),
      zoneName(node.zone),
      ago(node.since, nowMs),
      `${count(node.held)}${node.unanswered > 0 ? `, ${node.unanswered} under way` : ""}`,
      node.refused === 0 ? null : h("span", { class: "bad" }, `${node.refused}: ${node.refusal}`),
      rate(node.requestsPerSecond),
      node.inFlight ?? "–",
    ]);
    return [
      h("h2", {}, "Nodes"),
      h(
        "p",
        {},
        data.versions.length === 0
          ? "No client is connected to this replica."
          : data.versions
              .map((/** @type {any} */ each) => `${count(each.count)} × ${each.kind} ${each.version}`)
              .join(", "),
      ),
      ours.length > 1 ? h("p", { class: "warn" }, `Proxies run ${ours.length} versions.`) : "",
      h("p", { class: "quiet" }, "Clients of other replicas are not listed here; their load counts."),
      h(
        "div",
        { class: "tools", role: "search" },
        field(
          "Search",
          h("input", { type: "search", "data-param": "search", value: params.get("search") ?? "" }),
        ),
      ),
      rows.length === 0 ? "" : table("Clients", COLUMNS, rows),
      pager(data.offset, data.nodes.length, data.matched, SIZE),
    ];
  },
};
