import type { AdminRoute } from "../admin/admin-route.ts";
import { json } from "../admin/admin-route.ts";
import type { ProcessView } from "../admin/process-routes.ts";
import { processRoutes } from "../admin/process-routes.ts";
import type { StreamStatus } from "../xds/server/stream-status.ts";

/** What the control plane's admin server shows. */
export interface ControlPlaneView extends ProcessView {
  /** @param node only clients of this node, with everything they have; if undefined all, with numbers. */
  clients(node: string | undefined): readonly StreamStatus[];
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
];

function clientText(client: StreamStatus): string {
  const { nodeId, kind, transport, peer, userAgent, zone, region } = client;
  const place = `region=${region || "-"} zone=${zone || "-"}`;
  const head = `${nodeId || "-"} kind=${kind} transport=${transport} peer=${peer} agent="${userAgent}" ${place}\n`;
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
