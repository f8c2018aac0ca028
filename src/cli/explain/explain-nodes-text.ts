import { pickLine } from "../../admin/explain-table.ts";
import type { ExplainedCluster, ExplainedEndpoint } from "../../admin/explain-view.ts";
import { textTable } from "../cluster/text-table.ts";
import type { AskedNode, NodesView, ServiceOnNodes } from "./explain-nodes.ts";

/** Reasons that are named beside an endpoint. */
const MOST_REASONS = 2;

/** What `isobar explain` prints of several proxies. @param last picks that were asked for. */
export function explainNodesText({ nodes, list, services, picks }: NodesView, last: number): string {
  const parts = [headText(nodes)];
  if (list.length > 0)
    parts.push(
      textTable(
        [
          ["SERVICE", "POLICY", "NODES", "ENDPOINTS", "RECORDED"],
          ...list.map((each) => [
            each.name,
            each.policy,
            `${each.nodes}`,
            `${each.endpoints}`,
            `${each.recorded}`,
          ]),
        ],
        [2, 3, 4],
      ),
    );
  parts.push(...services.map(serviceText));
  if (list.length + services.length === 0) parts.push("no services\n");
  if (picks.length > 0)
    parts.push(`newest picks:\n${picks.map((pick) => `  ${pick.node} ${pickLine(pick)}\n`).join("")}`);
  else if (last > 0 && nodes.some(({ sample }) => sample > 0))
    parts.push("none of their picks is recorded\n");
  return parts.join("\n");
}

function headText(nodes: readonly AskedNode[]): string {
  const silent = nodes.filter(({ problem }) => problem !== "");
  const answered = nodes.filter(({ problem }) => problem === "");
  const recording = answered.filter(({ sample }) => sample > 0).length;
  const how =
    answered.length > 0 && recording === 0
      ? "no picks are recorded (explain.sample is 0)"
      : `${recording} record picks`;
  return [
    `${answered.length} of ${nodes.length} nodes, ${how}\n`,
    ...silent.map(({ node, problem }) => `${node} does not answer: ${problem}\n`),
  ].join("");
}

function serviceText({ name, nodes }: ServiceOnNodes): string {
  const snapshots = new Set(nodes.map(({ cluster }) => cluster.snapshot));
  const agree =
    nodes.length < 2
      ? ""
      : snapshots.size === 1
        ? ", which all know the same of it"
        : ", which know different versions of it";
  const rows = nodes.map(({ node, cluster }) => [
    node,
    cluster.policy,
    cluster.metric,
    cluster.snapshot,
    tiersText(cluster),
  ]);
  return [
    `service ${name} on ${nodes.length} nodes${agree}\n`,
    textTable([["NODE", "POLICY", "METRIC", "SNAPSHOT", "TIERS"], ...rows]),
    textTable(
      [
        [
          "ENDPOINT",
          "ZONE",
          "CANDIDATE ON",
          "IN FLIGHT",
          "ATTEMPTS",
          "ERRORS",
          "PICKED OF DRAWN",
          "LEFT OUT",
        ],
        ...endpointRows(nodes.map(({ cluster }) => cluster)),
      ],
      [2, 3, 4, 5, 6],
    ),
  ].join("\n");
}

/** Of the first worker that says any: they differ only for moments. */
function tiersText({ workers }: ExplainedCluster): string {
  const { tiers = [] } = workers[0] ?? {};
  return (
    tiers
      .map(({ tier, share, candidates }) => `${tier} ${Math.round(share * 100)} % of ${candidates}`)
      .join(", ") || "-"
  );
}

function endpointRows(clusters: readonly ExplainedCluster[]): string[][] {
  const seen = new Map<string, ExplainedEndpoint[]>();
  for (const { endpoints } of clusters)
    for (const each of endpoints) {
      const all = seen.get(each.endpoint);
      if (all === undefined) seen.set(each.endpoint, [each]);
      else all.push(each);
    }
  return [...seen].map(([endpoint, all]) => {
    const sum = (value: (each: ExplainedEndpoint) => number): string =>
      `${Math.round(all.reduce((total, each) => total + value(each), 0) * 100) / 100}`;
    const reasons = [...new Set(all.map(({ leftOut }) => leftOut).filter((reason) => reason !== ""))];
    const more = reasons.length > MOST_REASONS ? " and others" : "";
    return [
      endpoint,
      all[0]!.zone || "-",
      `${all.filter(({ leftOut }) => leftOut === "").length} of ${clusters.length}`,
      sum(({ inFlight }) => inFlight),
      sum(({ requests }) => requests),
      sum(({ errors }) => errors),
      `${sum(({ picked }) => picked)} of ${sum(({ drawn }) => drawn)}`,
      reasons.slice(0, MOST_REASONS).join("; ") + more,
    ];
  });
}
