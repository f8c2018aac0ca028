import type { AdminReply, AdminRoute } from "./admin-route.ts";
import { json } from "./admin-route.ts";
import type { AdminView, ClusterView, RoutesView } from "./admin-view.ts";
import { explainTable } from "./explain-table.ts";
import type { ExplainQuestion } from "./explain-view.ts";
import { processRoutes } from "./process-routes.ts";

/** Everything the admin server knows, in the order of its index. */
export const ADMIN_ROUTES: readonly AdminRoute<AdminView>[] = [
  ...processRoutes({
    ready: "200 when a first snapshot is in force and every listener is open, else 503 with the reason",
    stats: "sums of the counters; ?format=json for JSON",
  }),
  {
    method: "GET",
    path: "/status",
    doc: "this node in numbers, as isobar status, top and doctor read it, as JSON",
    answer: async (view) => json(await view.status()),
  },
  {
    method: "GET",
    path: "/clusters",
    doc: "clusters and their endpoints with load and health; ?format=json for JSON",
    answer: (view, query) => {
      const clusters = [...view.clusters()];
      if (query.get("format") === "json") return json({ clusters });
      return { status: 200, body: clusters.map(clusterText).join("\n") };
    },
  },
  {
    method: "GET",
    path: "/routes",
    doc: "routes in force with the requests they decided; ?format=json for JSON",
    answer: (view, query) => {
      const routes = view.routes();
      return query.get("format") === "json" ? json(routes) : { status: 200, body: routesText(routes) };
    },
  },
  {
    method: "GET",
    path: "/xds",
    doc: "the connection with the control plane, what is asked for, and the state of every resource, as JSON",
    answer: (view) => {
      const status = view.controlPlane();
      return status === undefined ? { status: 404, body: "no controlPlane is configured\n" } : json(status);
    },
  },
  {
    method: "GET",
    path: "/capture",
    doc: "the node's captured traffic: this generation, the pods that call, and the ledgers of all generations, as JSON",
    answer: (view) => {
      const status = view.capture();
      return status === undefined ? { status: 404, body: "no capture is configured\n" } : json(status);
    },
  },
  {
    method: "POST",
    path: "/xds/release",
    doc: "believe at once what is held back of updates; ?cluster=NAME for one cluster only",
    answer: (view, query) => actionReply(view.releaseHeldBack(query.get("cluster") ?? "")),
  },
  {
    method: "GET",
    path: "/config_dump",
    doc: "the configuration in force, and the outcome of the last reload, as JSON",
    answer: (view) => json(view.configDump()),
  },
  {
    method: "GET",
    path: "/explain",
    doc: "why requests go where they go: ?cluster=NAME shows tiers, endpoints and recorded picks; ?namespace=NAME; &last=N; ?format=json",
    answer: async (view, query) => {
      const question = explainQuestion(query);
      if (typeof question === "string") return { status: 400, body: `${question}\n` };
      const explained = await view.explain(question);
      if (question.cluster !== "" && explained.cluster === null) {
        return {
          status: 404,
          body: `cluster: found "${question.cluster}", which does not exist; /explain lists all\n`,
        };
      }
      return query.get("format") === "json"
        ? json(explained)
        : { status: 200, body: explainTable(explained) };
    },
  },
  {
    method: "GET",
    path: "/explain.bin",
    doc: "the recorded picks and what they were made from, for isobar explain --replay",
    answer: async (view) => ({
      status: 200,
      body: await view.explainDump(),
      contentType: "application/octet-stream",
    }),
  },
  {
    method: "POST",
    path: "/drain",
    doc: "leave as with SIGTERM: no new connections, streams finish within drain.limitMs, then the process ends",
    answer: (view) => actionReply(view.drain()),
  },
  {
    method: "POST",
    path: "/log",
    doc: "?level=debug changes the level of the log",
    answer: (view, query) => actionReply(view.setLogLevel(query.get("level") ?? "")),
  },
];

/** @returns what is wrong, as text, where it cannot be read. */
function explainQuestion(query: URLSearchParams): ExplainQuestion | string {
  const last = query.get("last") ?? "10";
  if (!/^\d{1,4}$/.test(last)) return `last: found "${last}", wanted a whole number from 0 to 9999`;
  return {
    cluster: query.get("cluster") ?? "",
    namespace: query.get("namespace") ?? "",
    last: Number(last),
  };
}

function actionReply(result: { readonly ok: boolean; readonly message: string }): AdminReply {
  return { status: result.ok ? 200 : 400, body: `${result.message}\n` };
}

function routesText({ version, routes }: RoutesView): string {
  if (routes.length === 0) return "no routes\n";
  const lines = routes.map(({ name, authorities, clusters }) => {
    const sides = clusters.map(
      (side) =>
        `  ${side.name === "" ? "as the authority says" : `${side.name} weight=${side.weight}`} requests=${side.requests}\n`,
    );
    return `${name} authorities=${authorities.join(",")}\n${sides.join("")}`;
  });
  return `version=${version}\n${lines.join("")}`;
}

function clusterText(cluster: ClusterView): string {
  const trouble = cluster.trouble === "" ? "" : ` trouble="${cluster.trouble}"`;
  const { balancedPerConnection: whole } = cluster;
  const spliced = whole === 0 ? "" : ` balanced_per_connection=${whole}`;
  const head = `${cluster.name} policy=${cluster.policy} slot=${cluster.slot} hash=${cluster.contentHash}${spliced}${trouble}\n`;
  const endpoints = cluster.endpoints.map(
    (e) =>
      `  ${e.address} zone=${e.zone || "-"} weight=${e.weight} health=${e.health} slot=${e.slot}` +
      ` generation=${e.generation} in_flight=${e.inFlight} requests=${e.requests} errors=${e.errors}` +
      ` set_aside=${e.setAside}${e.setAside ? ` set_aside_for=${e.setAsideFor.join(",")}` : ""}\n`,
  );
  return head + endpoints.join("");
}
