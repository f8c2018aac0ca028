import { h, show } from "./dom.js";
import { count, percent, rate } from "./format.js";
import { explainView } from "./view-explain.js";
import { nodesView } from "./view-nodes.js";
import { serviceView } from "./view-service.js";
import { servicesView } from "./view-services.js";
import { timelineView } from "./view-timeline.js";
import { zonesView } from "./view-zones.js";

/** By the first part of the address's fragment. */
const VIEWS = {
  "": servicesView,
  service: serviceView,
  zones: zonesView,
  nodes: nodesView,
  explain: explainView,
  timeline: timelineView,
};
const EVERY_MS = 2_000;
const TYPING_MS = 250;
const FETCH_LIMIT_MS = 10_000;

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const state = /** @type {HTMLElement} */ (document.getElementById("state"));
const pause = /** @type {HTMLButtonElement} */ (document.getElementById("pause"));

/** @type {any} */
let overview;
let isPaused = false;
let asked = 0;
/** What is shown: another view begins at its top. @type {string | undefined} */
let shownView;
/** @type {number | undefined} */
let timer;

/** @returns {{name: string, view: any, params: URLSearchParams}} */
function route() {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const name = Object.hasOwn(VIEWS, path) ? path : "";
  return {
    name,
    view: VIEWS[/** @type {keyof typeof VIEWS} */ (name)],
    params: new URLSearchParams(query),
  };
}

/** @param {string} url @returns {Promise<any>} rejects in words for people */
async function ask(url) {
  const reply = await fetch(url, { signal: AbortSignal.timeout(FETCH_LIMIT_MS) }).catch(() => {
    throw new Error("the control plane does not answer");
  });
  const body = await reply.json().catch(() => ({ error: `it answered ${reply.status}` }));
  if (reply.ok) return body;
  const error = new Error(body.error);
  error.name = "Refused";
  throw error;
}

async function refresh() {
  clearTimeout(timer);
  const number = ++asked;
  const { name, view, params } = route();
  showViews(name);
  try {
    const [answer, fresh] = await Promise.allSettled([ask(view.url(params)), ask("api/overview")]);
    // Somebody has gone elsewhere meanwhile.
    if (number !== asked) return;
    if (fresh.status === "rejected") throw fresh.reason;
    overview = fresh.value;
    showOverview();
    if (answer.status === "rejected") throw answer.reason;
    const data = answer.value;
    show(main, ...view.render(data, params, overview));
    tell(`as of ${data.at.slice(11, 19)} UTC`, overview.notReady);
  } catch (error) {
    const { name: kind, message } = /** @type {Error} */ (error);
    // What was known stays, unless it was asked for what there is not.
    if (kind === "Refused") {
      if (overview !== undefined && view.title === "Explain")
        show(main, ...view.render({}, params, overview), h("p", { class: "bad" }, message));
      else show(main, h("h2", {}, view.title), h("p", { class: "bad" }, message));
      tell("", "");
    } else tell("", message);
  }
  if (shownView !== name) {
    const isFirst = shownView === undefined;
    shownView = name;
    document.title = `${view.title} – Isobar`;
    if (!isFirst) {
      scrollTo(0, 0);
      main.focus({ preventScroll: true });
    }
  }
  if (!isPaused && !document.hidden) timer = setTimeout(() => void refresh(), view.everyMs ?? EVERY_MS);
}

/** @param {string} text @param {string} trouble */
function tell(text, trouble) {
  const words = trouble === "" ? (isPaused ? `paused, ${text}` : text) : trouble;
  // Only what is new is read out.
  state.setAttribute("aria-live", trouble === "" ? "off" : "polite");
  state.classList.toggle("bad", trouble !== "");
  if (state.textContent !== words) state.textContent = words;
}

/** @param {string} current */
function showViews(current) {
  const named = [
    ["", "Services"],
    ["zones", "Zones"],
    ["nodes", "Nodes"],
    ["explain", "Explain"],
    ["timeline", "Timeline"],
  ];
  show(
    /** @type {HTMLElement} */ (document.getElementById("views")),
    ...named.map(([path, label]) =>
      h("a", { href: `#/${path}`, "aria-current": path === current && "page" }, label ?? ""),
    ),
  );
}

function showOverview() {
  /** @type {[string, string, string][]} */
  const figures = [
    ["Services", count(overview.services), ""],
    ["Endpoints", count(overview.endpoints), ""],
    ["Clients", count(overview.clients), ""],
    ["Proxies", count(overview.fleet), ""],
    ["Requests/s", rate(overview.requestsPerSecond), ""],
    ["In flight", count(overview.inFlight), ""],
    ["Cross-zone", percent(overview.crossZoneShare), ""],
    ["Refused", count(overview.refused), overview.refused > 0 ? "bad" : ""],
    ["Version", overview.version, ""],
  ];
  show(
    /** @type {HTMLElement} */ (document.getElementById("overview")),
    ...figures.map(([label, text, kind]) => h("div", {}, h("dt", {}, label), h("dd", { class: kind }, text))),
  );
}

/** Writes what is asked for into the address, so that it can be sent to others. @param {Record<string, string>} changes */
function change(changes) {
  const { name, params } = route();
  for (const [key, value] of Object.entries(changes)) {
    if (value === "") params.delete(key);
    else params.set(key, value);
  }
  const query = params.toString();
  history.replaceState(null, "", `#/${name}${query === "" ? "" : `?${query}`}`);
  void refresh();
}

/** @type {number | undefined} */
let typing;
main.addEventListener("input", ({ target }) => {
  const control = /** @type {HTMLInputElement} */ (target);
  const { param } = control.dataset;
  if (param === undefined) return;
  clearTimeout(typing);
  typing = setTimeout(() => change({ [param]: control.value, offset: "", ...orderAfter(param) }), TYPING_MS);
});

/** @param {string} param @returns {Record<string, string>} another order begins at its usual end */
function orderAfter(param) {
  return param === "sort" ? { reverse: "" } : {};
}

main.addEventListener("click", ({ target }) => {
  const button = /** @type {HTMLElement} */ (target).closest("button");
  const { sort, offset } = button?.dataset ?? {};
  if (offset !== undefined) change({ offset: offset === "0" ? "" : offset });
  if (sort === undefined) return;
  const { params } = route();
  const isSame = (params.get("sort") ?? "skew") === sort;
  change({ sort, offset: "", reverse: isSame && params.get("reverse") !== "1" ? "1" : "" });
});

pause.addEventListener("click", () => {
  isPaused = !isPaused;
  pause.setAttribute("aria-pressed", String(isPaused));
  pause.textContent = isPaused ? "Continue" : "Pause";
  void refresh();
});

addEventListener("hashchange", () => void refresh());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) void refresh();
});

void refresh();
