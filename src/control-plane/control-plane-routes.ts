import type { AdminRoute } from "../admin/admin-route.ts";
import { json } from "../admin/admin-route.ts";
import type { ProcessView } from "../admin/process-routes.ts";
import { processRoutes } from "../admin/process-routes.ts";
import type { StreamStatus } from "../xds/server/stream-status.ts";
import type { ShownLoad } from "./fleet-loads.ts";

/** What the control plane's admin server shows. */
export interface ControlPlaneView extends ProcessView {
  /** @param node only clients of this node, with everything they have; if undefined all, with numbers. */
  clients(node: string | undefined): readonly StreamStatus[];
  /** @param service only this one; if undefined all that anybody has requests for. */
  loads(service: string | undefined): readonly ShownLoad[];
}

/** Everything it knows, in the order of its index. */
export const CONTROL_PLANE_ROUTES: readonly AdminRoute<ControlPlaneView>[] = [
  ...processRoutes({
    ready: "200 when all services are known and the port is open, else 503 with the reason",
    stats: "services, endpoints, streams, and what was sent and answered; ?format=json for JSON",
  }),
  {
    method: "GET",
    path: "/xds/status",
    doc: "clients, and who refused what and why; ?node=ID for all that one has, with versions; ?format=json for JSON",
    answer: (view, query) => {
      const clients = view.clients(query.get("node") ?? undefined);
      if (query.get("format") === "json") return json({ clients });
      return {
        status: 200,
        body: clients.length === 0 ? "no clients\n" : clients.map(clientText).join("\n"),
      };
    },
  },
  {
    method: "GET",
    path: "/load",
    doc: "what callers report of each service, by zone; ?service=NAME for one; ?format=json for JSON",
    answer: (view, query) => {
      const services = view.loads(query.get("service") ?? undefined);
      if (query.get("format") === "json") return json({ services });
      const body = services.map(loadText).join("");
      return { status: 200, body: body === "" ? "nobody reports any load\n" : body };
    },
  },
];

function loadText({ service, callers, requestsPerSecond, endpointsInUse, places }: ShownLoad): string {
  const head = `${service} callers=${callers} requests/s=${requestsPerSecond.toFixed(1)} endpoints_in_use=${endpointsInUse}\n`;
  const lines = places.map(
    ({ region, zone, requestsPerSecond: rate, errorsPerSecond, inFlight, kept }) =>
      `  region=${region || "-"} zone=${zone || "-"} requests/s=${rate.toFixed(1)} errors/s=${errorsPerSecond.toFixed(1)} in_flight=${inFlight} kept_by_grpc=${kept.toFixed(2)}\n`,
  );
  return head + lines.join("");
}

function clientText(client: StreamStatus): string {
  const { nodeId, who, kind, transport, peer, userAgent, zone, region } = client;
  const place = `region=${region || "-"} zone=${zone || "-"}`;
  const head = `${nodeId || "-"} kind=${kind} transport=${transport} peer=${peer} agent="${userAgent}" ${place}${who === "" ? "" : ` client="${who}"`}\n`;
  return head + client.types.map(typeText).join("");
}

function typeText({
  type,
  wildcard,
  subscribed,
  held,
  refusedCount,
  unanswered,
  resources,
  refused,
}: StreamStatus["types"][number]) {
  const name = type.slice(type.lastIndexOf(".") + 1);
  const lines = [
    `  ${name} subscribed=${wildcard ? "*" : subscribed} held=${held} refused=${refusedCount} unanswered=${unanswered}\n`,
    ...resources.map((each) => `    ${each.name} version=${each.version} ${each.state}\n`),
    ...refused.map(
      (each) =>
        `    refused ${each.name || "(empty response)"} version=${each.version} at=${new Date(each.atMs).toISOString()}: ${each.message}\n`,
    ),
  ];
  return lines.join("");
}
