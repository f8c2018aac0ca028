import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type {
  ExplainView,
  NodesView,
  OverviewView,
  ServicesView,
  ServiceView,
  TimelineView,
  ZonesView,
} from "../../../../src/control-plane/page/page-view.ts";
import { Browser, CHROMIUM } from "./browser.ts";
import { BROKEN, EVEN, PageStage, SKEWED } from "./page-stage.ts";

const IDLE_SERVICES = 5_000;
/** Where screenshots are left for people; nowhere without it. */
const { ISOBAR_SCREENSHOTS: SCREENSHOTS = "" } = process.env;

const missing =
  CHROMIUM === undefined && process.env["CI"] === undefined ? "chromium is not installed" : false;

describe("the page of a control plane with 5,003 services and two proxies", { skip: missing }, () => {
  const stage = new PageStage();
  let browser: Browser;

  before(async () => {
    assert.ok(CHROMIUM, "chromium is not installed");
    await stage.start(IDLE_SERVICES);
    browser = await Browser.start(CHROMIUM);
    await eventually(async () => {
      const { services } = await stage.ask<ServicesView>("/api/services?limit=3");
      const { flows } = await stage.ask<ZonesView>("/api/zones");
      const { rows } = await stage.ask<ServiceView>(`/api/service?name=${BROKEN}`);
      const isTold = services.every(
        ({ callers, requestsPerSecond }) => callers === 2 && requestsPerSecond > 20,
      );
      const isSkewed = services[0]!.name === SKEWED && services[0]!.skew!.maxOverMean > 3.9;
      return (
        isTold && isSkewed && flows.length === 4 && rows.some(({ setAside }) => setAside[0]?.callers === 2)
      );
    });
  });
  after(async () => {
    await browser?.close();
    await stage.close();
  });

  const isShown = "document.querySelector('main h2') && document.querySelector('#overview dd')";
  const open = async (): Promise<void> => {
    await browser.open("about:blank");
    await browser.open(`${stage.url}/`);
    await browser.eventually(isShown);
  };
  /** Goes to another view on the page that is open. */
  const show = async (fragment: string): Promise<void> => {
    await browser.evaluate(
      `document.querySelector('main').replaceChildren(); location.hash = '#/'; location.hash = ${JSON.stringify(fragment)}`,
    );
    await browser.eventually(isShown);
  };

  it("answers what services come to, the most skewed first", async () => {
    const { total, matched, services } = await stage.ask<ServicesView>("/api/services?limit=3");
    assert.deepEqual([total, matched, services[0]!.name], [IDLE_SERVICES + 3, IDLE_SERVICES + 3, SKEWED]);
    const [skewed] = services;
    assert.ok(skewed!.skew!.maxOverMean > 3.9, JSON.stringify(skewed));
    assert.equal(skewed!.skew!.of, "requests");
    const even = services.find(({ name }) => name === EVEN)!;
    assert.ok(even.skew!.maxOverMean < 1.5 && even.errorShare! > 0.005 && even.errorShare! < 0.05);
    // 400 ms at one of four endpoints.
    assert.ok(even.p99Ms! > 350, `${even.p99Ms}`);
    const overview = await stage.ask<OverviewView>("/api/overview");
    assert.deepEqual([overview.services, overview.clients, overview.fleet], [IDLE_SERVICES + 3, 2, 2]);
    assert.ok(overview.requestsPerSecond > 50);
  });

  it("answers why an endpoint gets nothing, and how long each takes", async () => {
    const broken = await stage.ask<ServiceView>(`/api/service?name=${BROKEN}`);
    const aside = broken.rows.find(({ state }) => state === "set aside")!;
    assert.deepEqual(aside.setAside, [{ reason: "connect", callers: 2 }]);
    assert.equal(aside.why, "2 callers cannot connect to it");
    // One of a hundred of its calls fails: there are seconds in which none did.
    const ofEven = async () => (await stage.ask<ServiceView>(`/api/service?name=${EVEN}`)).rows;
    const slowOf = (rows: ServiceView["rows"]) => rows.find(({ node }) => node === "node-b3")!;
    await eventually(async () => slowOf(await ofEven()).errorsPerSecond! > 0);
    const rows = await ofEven();
    const slow = slowOf(rows);
    assert.ok(slow.p50Ms! > 350, JSON.stringify(slow));
    assert.ok(
      rows.every((row) => row === slow || row.p50Ms! < slow.p50Ms!),
      JSON.stringify(rows),
    );
  });

  it("answers what flows between zones, and who is connected with which version", async () => {
    const { flows } = await stage.ask<ZonesView>("/api/zones");
    assert.deepEqual(flows.map(({ from, to }) => `${from}${to}`).sort(), ["aa", "ab", "ba", "bb"]);
    const { nodes, versions } = await stage.ask<NodesView>("/api/nodes");
    assert.deepEqual(
      nodes.map(({ node, zone, kind }) => [node, zone, kind]),
      [
        ["node-a", "a", "isobar"],
        ["node-b", "b", "isobar"],
      ],
    );
    assert.deepEqual(
      versions.map(({ count }) => count),
      [2],
    );
    assert.ok(nodes.every(({ requestsPerSecond, place }) => requestsPerSecond! > 0 && place!.count === 2));
  });

  it("explains picks by the picker itself: from zone a least_request stays there, while it can", async () => {
    const explained = await stage.ask<ExplainView>(`/api/explain?service=${BROKEN}&node=node-b`);
    assert.deepEqual([explained.zone, explained.region], ["b", "region-a"]);
    const near = await stage.ask<ExplainView>("/api/explain?service=service-7.team-7:8080&zone=b&region=r");
    assert.equal(near.tiers[0]!.tier, "zone");
    assert.deepEqual(
      near.endpoints.filter(({ picked }) => picked > 0).map(({ zone }) => zone),
      near.endpoints.filter(({ zone }) => zone === "b").map(() => "b"),
    );
    const hashed = await stage.ask<ExplainView>(`/api/explain?service=${SKEWED}&zone=a&region=r`);
    assert.ok(
      hashed.endpoints.every(({ picked }) => picked > 0.1),
      "hashes of many keys spread",
    );
  });

  it("tells who changed what", async () => {
    stage.change();
    await eventually(async () => {
      const { changes } = await stage.ask<TimelineView>("/api/timeline?service=search/rank");
      const [newest] = changes;
      return (
        newest!.kind === "changed" &&
        newest!.cause === "MODIFIED Service search/rank by kubectl-annotate" &&
        newest!.diff.length > 0
      );
    });
  });

  it("refuses questions that make no sense, in words", async () => {
    for (const [path, status, words] of [
      ["/api/services?limit=501", 400, /limit: found "501", wanted a whole number from 1 to 500/],
      ["/api/services?sort=colour", 400, /sort: found "colour"/],
      ["/api/service?name=nobody", 404, /wanted a service/],
      ["/api/timeline?minutes=0", 400, /minutes/],
      [`/api/service?name=${"x".repeat(400)}`, 400, /at most 300/],
    ] as const) {
      const reply = await fetch(stage.url + path);
      assert.equal(reply.status, status, path);
      assert.match(((await reply.json()) as { error: string }).error, words);
    }
    assert.equal((await fetch(`${stage.url}/api/services`, { method: "POST" })).status, 405);
  });

  it("finds, sorts and turns pages of thousands of services quickly", async () => {
    await browser.view({ width: 1280, height: 900, scheme: "light" });
    await open();
    await browser.eventually("document.querySelectorAll('tbody tr').length === 100");
    await browser.evaluate("document.querySelector('[data-param=search]').focus()");
    const fromMs = performance.now();
    await browser.type("service-123");
    await browser.eventually("document.querySelector('tbody th').innerText.startsWith('service-123')");
    assert.ok(performance.now() - fromMs < 5_000);
    // What has the focus keeps it through the refreshes.
    assert.equal(await browser.evaluate("document.activeElement.dataset.param"), "search");
    await show("/?sort=name");
    await browser.evaluate("document.querySelector('[data-offset=\"100\"]').click()");
    await browser.eventually("location.hash.includes('offset=100')");
    await browser.eventually("document.body.innerText.includes('101–200 of 5,003')");
  });

  it("is used by the keyboard alone", async () => {
    await open();
    await browser.press("Tab");
    assert.equal(await browser.evaluate("document.activeElement.className"), "skip");
    for (let i = 0; i < 3; i++) await browser.press("Tab");
    assert.equal(await browser.evaluate("document.activeElement.innerText"), "Zones");
    await browser.press("Enter");
    await browser.eventually("document.querySelector('svg[role=img]')");
    await browser.eventually("document.activeElement.id === 'main'");
  });

  it("changes figures in place, and nothing else", async () => {
    await show(`/service?name=${encodeURIComponent(EVEN)}`);
    await browser.evaluate(
      "window.kept = [...document.querySelectorAll('main h2, main table, main svg')]; window.said = document.getElementById('state').textContent",
    );
    await browser.eventually("document.getElementById('state').textContent !== window.said");
    assert.ok(
      await browser.evaluate("window.kept.length >= 3 && window.kept.every((each) => each.isConnected)"),
    );
  });

  it("takes nothing that a name says for markup", async () => {
    await show(`/service?name=${encodeURIComponent("<img src=x onerror=alert(1)>")}`);
    await browser.eventually("document.querySelector('main .bad')");
    assert.equal(await browser.evaluate("document.images.length"), 0);
  });

  it("fits 1280 and 390 pixels by day and by night, with legible text", async () => {
    const views = {
      services: "/",
      service: `/service?name=${encodeURIComponent(EVEN)}`,
      broken: `/service?name=${encodeURIComponent(BROKEN)}`,
      zones: "/zones",
      nodes: "/nodes",
      explain: `/explain?service=${encodeURIComponent(EVEN)}&place=a%7Cr`,
      timeline: "/timeline?service=search/rank",
    };
    if (SCREENSHOTS !== "") mkdirSync(SCREENSHOTS, { recursive: true });
    for (const scheme of ["light", "dark"] as const) {
      for (const width of [1280, 390]) {
        await browser.view({ width, height: width === 390 ? 844 : 900, scheme });
        for (const [name, fragment] of Object.entries(views)) {
          await show(fragment);
          const where = `${name} ${width} ${scheme}`;
          const overflow = await browser.evaluate<number>(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth",
          );
          assert.ok(overflow <= 0, `${where}: ${overflow} px too wide`);
          assert.deepEqual(await browser.evaluate<string[]>(FAINT), [], where);
          if (name === "timeline") await browser.evaluate("document.querySelector('details').open = true");
          if (SCREENSHOTS !== "")
            await browser.screenshot(join(SCREENSHOTS, `${name}-${width}-${scheme}.png`));
        }
      }
    }
  });

  it("asks nobody but the control plane, and breaks none of its own rules", () => {
    // That a service is asked for that there is not is one test's doing.
    const troubles = browser.troubles.filter((each) => !each.includes("onerror") || !each.includes("404"));
    assert.deepEqual(troubles, []);
    const strangers = browser.requested.filter(
      (url) => !url.startsWith(`${stage.url}/`) && url !== "about:blank",
    );
    assert.deepEqual(strangers, []);
    assert.ok(browser.requested.length > 30);
  });
});

/** Texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, 1.4.3), worked out in the page. */
const FAINT = `(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const faint = new Set();
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.nodeValue.trim() !== "");
    if (!own || element.closest("svg, noscript") !== null) continue;
    const [a, b] = [parse(getComputedStyle(element).color), behind(element)].map(luminance).sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) faint.add(element.tagName + " " + element.textContent.slice(0, 40));
  }
  return [...faint];
})()`;

async function eventually(check: () => Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + 20_000;
  while (!(await check().catch(() => false))) {
    assert.ok(performance.now() < untilMs, "not so within 20 s");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
