import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import type { AdminRoute } from "../../admin/admin-route.ts";
import { RouteServer } from "../../admin/route-server.ts";
import type { Page } from "./page-routes.ts";
import { PAGE_ROUTES } from "./page-routes.ts";
import type { PageSource } from "./page-source.ts";
import { ServiceLines } from "./service-lines.ts";
import { Timeline } from "./timeline-view.ts";

const ASSETS = join(import.meta.dirname, "assets");

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Nothing from elsewhere, nothing inline, in nobody's frame. Source: CSP Level 3. */
const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/** Serves the page and its JSON interface; both only show. Its files are read once, when it is made. */
export function pageServer(source: PageSource): RouteServer<Page> {
  const { auditFolder } = source;
  const page: Page = {
    ...source,
    lines: new ServiceLines(source),
    timeline: auditFolder === undefined ? undefined : new Timeline(auditFolder),
  };
  return new RouteServer(page, [...assetRoutes(), ...PAGE_ROUTES]);
}

function assetRoutes(): AdminRoute<Page>[] {
  return readdirSync(ASSETS)
    .filter((file) => CONTENT_TYPES[extname(file)] !== undefined)
    .map((file) => {
      const body = readFileSync(join(ASSETS, file));
      const reply = { status: 200, body, contentType: CONTENT_TYPES[extname(file)]!, headers: HEADERS };
      const path = file === "index.html" ? "/" : `/${file}`;
      return { method: "GET", path, doc: "a file of the page", answer: () => reply };
    });
}
