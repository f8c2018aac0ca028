import { h } from "./dom.js";
import { count, zoneName } from "./format.js";
import { matrix } from "./matrix.js";
import { table } from "./table.js";

const COLUMNS = [{ label: "Zone" }, { label: "Endpoints", number: true }, { label: "Clients", number: true }];

/** Zones and what flows between them. */
export const zonesView = {
  title: "Zones",
  url: () => "api/zones",
  /** @param {any} data */
  render(data) {
    const rows = data.zones.map((/** @type {any} */ each) => [
      zoneName(each.zone),
      count(each.endpoints),
      count(each.clients),
    ]);
    return [
      h("h2", {}, "Zones"),
      h("h3", {}, "Requests per second between zones"),
      matrix(data.flows),
      h("h3", {}, "What is in them"),
      table("Zones", COLUMNS, rows),
    ];
  },
};
