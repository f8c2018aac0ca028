import type { AdminReply, AdminRoute } from "../../admin/admin-route.ts";
import { AuditError } from "../../audit/audit-reader.ts";
import type { ServiceModel } from "../../resource/service.ts";
import { explainPick } from "./explain-pick.ts";
import { nodesView } from "./nodes-view.ts";
import { overviewView } from "./overview-view.ts";
import type { PageSource } from "./page-source.ts";
import type { ServiceOrder } from "./page-view.ts";
import { SERVICE_ORDERS } from "./page-view.ts";
import { QueryProblem, textOf, wholeNumberOf } from "./query-values.ts";
import type { ServiceLines } from "./service-lines.ts";
import { serviceView } from "./service-view.ts";
import type { Timeline } from "./timeline-view.ts";
import { zonesView } from "./zones-view.ts";

/** What the page's server shows. */
export interface Page extends PageSource {
  readonly lines: ServiceLines;
  /** undefined without an audit. */
  readonly timeline: Timeline | undefined;
}

const MAX_LIMIT = 500;
const USUAL_LIMIT = 100;
const MAX_OFFSET = 1_000_000;
const DAY_MINUTES = 1_440;

/** The JSON interface: docs/page.md, and page-view.ts for the answers. */
export const PAGE_ROUTES: readonly AdminRoute<Page>[] = [
  api("/api/overview", "the control plane and what it serves", (page) =>
    overviewView(page, page.lines.all()),
  ),
  api(
    "/api/services",
    "services, the most skewed first: ?sort= &reverse=1 &search= &namespace= &offset= &limit=",
    (page, query) =>
      page.lines.view({
        sort: orderOf(query),
        reverse: query.get("reverse") === "1",
        search: textOf(query, "search"),
        namespace: textOf(query, "namespace"),
        ...windowOf(query),
      }),
  ),
  api("/api/service", "one service with its endpoints: ?name=", (page, query) =>
    serviceView(page, modelOf(page, query, "name")),
  ),
  api("/api/zones", "zones and what flows between them: ?service=", (page, query) =>
    zonesView(page, query.has("service") ? modelOf(page, query, "service").name : undefined),
  ),
  api("/api/nodes", "clients of this replica: ?search= &offset= &limit=", (page, query) => {
    const { offset, limit } = windowOf(query);
    return nodesView(page, textOf(query, "search"), offset, limit);
  }),
  api(
    "/api/explain",
    "what a proxy's picker would choose: ?service= &node=, or &zone= &region=",
    (page, query) => {
      const model = modelOf(page, query, "service");
      const node = textOf(query, "node");
      return explainPick(page, model, { node, ...placeOf(page, query, node) });
    },
  ),
  api("/api/timeline", "what changed, from the audit: ?service= &minutes= &limit=", async (page, query) => {
    if (page.timeline === undefined)
      throw new QueryProblem(404, "there is no audit; isobar control-plane writes one with --audit-dir");
    return page.timeline.view({
      service: textOf(query, "service") || undefined,
      minutes: wholeNumberOf(query, "minutes", 60, 1, DAY_MINUTES),
      limit: wholeNumberOf(query, "limit", USUAL_LIMIT, 1, MAX_LIMIT),
    });
  }),
];

function api(
  path: string,
  doc: string,
  view: (page: Page, query: URLSearchParams) => object | Promise<object>,
): AdminRoute<Page> {
  return {
    method: "GET",
    path,
    doc,
    answer: async (page, query) => {
      try {
        return reply(200, await view(page, query));
      } catch (error) {
        if (error instanceof QueryProblem) return reply(error.status, { error: error.message });
        if (error instanceof AuditError) return reply(404, { error: error.message });
        throw error;
      }
    },
  };
}

function reply(status: number, body: object): AdminReply {
  return { status, body: `${JSON.stringify(body)}\n`, contentType: "application/json; charset=utf-8" };
}

function windowOf(query: URLSearchParams): { readonly offset: number; readonly limit: number } {
  return {
    offset: wholeNumberOf(query, "offset", 0, 0, MAX_OFFSET),
    limit: wholeNumberOf(query, "limit", USUAL_LIMIT, 1, MAX_LIMIT),
  };
}

function orderOf(query: URLSearchParams): ServiceOrder {
  const text = query.get("sort") ?? "skew";
  const order = SERVICE_ORDERS.find((each) => each === text);
  if (order === undefined)
    throw new QueryProblem(400, `sort: found "${text}", wanted one of ${SERVICE_ORDERS.join(", ")}`);
  return order;
}

/** @throws QueryProblem where there is no such service. */
function modelOf({ cache }: Page, query: URLSearchParams, key: string): ServiceModel {
  const name = textOf(query, key).toLowerCase();
  const model = cache.model(name);
  if (model === undefined)
    throw new QueryProblem(404, `${key}: found "${name}", wanted a service that is served: /api/services`);
  return model;
}

/** Where a node is that has a stream here or hosts endpoints is known, and need not be said. */
function placeOf(
  { cache, server }: Page,
  query: URLSearchParams,
  node: string,
): { readonly region: string; readonly zone: string } {
  const region = textOf(query, "region");
  const zone = textOf(query, "zone");
  if (node === "" || zone !== "") return { region, zone };
  for (const { nodeId, place } of server.streams) if (nodeId === node && place.zone !== "") return place;
  for (const { cluster } of cache.models()) {
    const found = cluster.endpoints.find((endpoint) => endpoint.node === node);
    if (found !== undefined) return { region: found.region, zone: found.zone };
  }
  throw new QueryProblem(404, `node: found "${node}", wanted one that is connected, or &zone=`);
}
