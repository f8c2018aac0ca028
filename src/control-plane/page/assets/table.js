import { h } from "./dom.js";

/**
 * @typedef {object} Column
 * @property {string} label
 * @property {string} [sort] what the server sorts by; absent: it does not
 * @property {boolean} [number]
 * @property {boolean} [wide]
 * @property {string} [title] what it means
 */

/**
 * A table that becomes cards where there is little room.
 *
 * @param {string} caption for those who do not see it
 * @param {readonly Column[]} columns the first one is the row's name
 * @param {readonly (readonly (Node | string | number | null)[])[]} rows cells; null is left out of cards
 * @param {{sort: string, reverse: boolean}} [order]
 * @returns {Element}
 */
export function table(caption, columns, rows, order) {
  const head = columns.map(({ label, sort, number, title }) => {
    const isSorted = sort !== undefined && order?.sort === sort;
    // Names go up where numbers go down.
    const isUp = (sort === "name") !== order?.reverse;
    return h(
      "th",
      {
        scope: "col",
        class: number && "num",
        title,
        "aria-sort": isSorted && (isUp ? "ascending" : "descending"),
      },
      sort === undefined ? label : h("button", { type: "button", "data-sort": sort }, label),
    );
  });
  const body = rows.map((cells) =>
    h(
      "tr",
      { "data-key": cells[0] instanceof Node ? cells[0].textContent : cells[0] },
      ...cells.map((cell, i) => {
        const { label, number, wide } = /** @type {Column} */ (columns[i]);
        if (i === 0) return h("th", { scope: "row" }, cell);
        const kind = [number && "num", wide && "wide", (cell === null || cell === "") && "empty"];
        return h("td", { class: kind.filter(Boolean).join(" "), "data-label": label }, cell);
      }),
    ),
  );
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { class: "cards", "aria-label": caption },
      h("thead", {}, h("tr", {}, ...head)),
      h("tbody", {}, ...body),
    ),
  );
}

/** @param {string} label @param {Element} control @returns {Element} */
export function field(label, control) {
  return h("label", {}, label, control);
}

/** Where a service is named. @param {URLSearchParams} params @param {string} example @returns {Element} */
export function serviceField(params, example) {
  const value = params.get("service") ?? "";
  return field(
    "Service",
    h("input", { type: "search", "data-param": "service", value, placeholder: example }),
  );
}

/** @param {number} offset @param {number} shown @param {number} matched @param {number} size @returns {Element} */
export function pager(offset, shown, matched, size) {
  const text = shown === 0 ? "none" : `${offset + 1}–${offset + shown} of ${matched.toLocaleString("en")}`;
  return h(
    "div",
    { class: "tools" },
    h(
      "button",
      { type: "button", "data-offset": Math.max(0, offset - size), disabled: offset === 0 },
      "Previous",
    ),
    h(
      "button",
      { type: "button", "data-offset": offset + size, disabled: offset + shown >= matched },
      "Next",
    ),
    h("span", { class: "quiet" }, text),
  );
}

/** @param {string} name of a service @returns {Element} */
export function serviceLink(name) {
  return h("a", { href: `#/service?name=${encodeURIComponent(name)}` }, name);
}

/** @param {number} value @param {number} most @returns {Element} a bar of up to 80 pixels */
export function bar(value, most) {
  const width = most > 0 ? Math.max(1, Math.round((80 * value) / most)) : 1;
  return h("span", { class: "bar", "aria-hidden": "true", "width%": width });
}
