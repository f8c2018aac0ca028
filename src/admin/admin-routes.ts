import type { AdminView, ClusterView } from "./admin-view.ts";

/** An answer of the admin server. */
export interface AdminReply {
  readonly status: number;
  readonly body: string;
  readonly contentType?: string;
}

/** One path of the admin server. */
export interface AdminRoute {
  /** GET routes only show, POST routes only act; GET includes HEAD. */
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly doc: string;
  readonly answer: (view: AdminView, query: URLSearchParams) => AdminReply;
}

const JSON_TYPE = "application/json; charset=utf-8";

/** Everything the admin server knows, in the order of its index. */
export const ADMIN_ROUTES: readonly AdminRoute[] = [
  {
    method: "GET",
    path: "/ready",
    doc: "200 when a first snapshot is in force and every listener is open, else 503 with the reason",
    answer: (view) => {
      const reason = view.notReadyReason();
      return reason === undefined
        ? { status: 200, body: "ready\n" }
        : { status: 503, body: `not ready: ${reason}\n` };
    },
  },
  {
    method: "GET",
    path: "/healthz",
    doc: "200 as long as the process answers",
    answer: () => ({ status: 200, body: "ok\n" }),
  },
  {
    method: "GET",
    path: "/stats",
    doc: "sums of the counters; ?format=json for JSON",
    answer: (view, query) => {
      const stats = view.stats();
      if (query.get("format") === "json") return json(stats);
      const lines = Object.entries(stats).map(([name, value]) => `${name}: ${value}\n`);
      return { status: 200, body: lines.join("") };
    },
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
    path: "/config_dump",
    doc: "the configuration in force, and the outcome of the last reload, as JSON",
    answer: (view) => json(view.configDump()),
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

/** @returns the list of all routes as text, for people who ask for `/` or for something that does not exist. */
export function routeIndex(): string {
  return ADMIN_ROUTES.map(({ method, path, doc }) => `${method.padEnd(4)} ${path.padEnd(12)} ${doc}\n`).join(
    "",
  );
}

function json(value: unknown): AdminReply {
  return { status: 200, body: `${JSON.stringify(value, null, 2)}\n`, contentType: JSON_TYPE };
}

function actionReply(result: { readonly ok: boolean; readonly message: string }): AdminReply {
  return { status: result.ok ? 200 : 400, body: `${result.message}\n` };
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
      ` set_aside=${e.setAside}\n`,
  );
  return head + endpoints.join("");
}
