import { pickId } from "../lb/record/pick-id.ts";
import type { ExplainedCluster, ExplainView, PickView } from "./explain-view.ts";

/** @returns the view as tables for people. */
export function explainTable(view: ExplainView): string {
  const { node, sample, cluster, clusters, picks } = view;
  const recording =
    sample > 0 ? `${percent(sample)} of picks are recorded` : "no picks are recorded (explain.sample is 0)";
  const parts = [`node ${node || "-"}, ${recording}\n`];
  if (cluster !== null) parts.push(clusterText(cluster));
  else {
    const rows = clusters.map(({ name, policy, endpoints, recorded }) => [
      name,
      policy,
      `${endpoints}`,
      `${recorded}`,
    ]);
    parts.push(table([["CLUSTER", "POLICY", "ENDPOINTS", "RECORDED"], ...rows]));
  }
  if (picks.length > 0) parts.push(`newest picks:\n${picks.map((pick) => `  ${pickLine(pick)}\n`).join("")}`);
  return parts.join("\n");
}

/** @returns a recorded pick in one line: when, for whom, what was drawn with its terms, and who won. */
export function pickLine(pick: PickView): string {
  const drawn = pick.drawn.map(({ endpoint, weight, inFlight, load, own }) => {
    const terms = [
      inFlight === undefined ? "" : `in flight ${round(inFlight)}`,
      load === undefined ? "" : `load ${round(load)}`,
      own === undefined ? "" : `own streams ${round(own)}`,
      `weight ${round(weight)}`,
    ];
    return `${endpoint} (${terms.filter((term) => term !== "").join(", ")})`;
  });
  const cause = pick.cause === "first" ? "" : ` [${pick.cause}]`;
  const beyond = pick.beyond === undefined ? "" : ` (a subset that is busy, so of ${pick.beyond} as well)`;
  const among = `${pick.candidates} in tier ${pick.tier || "-"}${beyond}`;
  const how = drawn.length === 0 ? `of ${among}` : `of ${among}, drawn: ${drawn.join(" and ")}`;
  const tried = pick.tried.length === 0 ? "" : `, tried before: ${pick.tried.join(", ")}`;
  const id = pickId(pick.worker, pick.number);
  return `${pick.time} ${id} ${pick.cluster}${cause} -> ${pick.winner || "nobody"} ${how}${tried}`;
}

function clusterText({ name, policy, metric, snapshot, workers, endpoints }: ExplainedCluster): string {
  const tiers = workers.flatMap(({ worker, tiers }) =>
    tiers.map(({ tier, share, candidates }) => [`${worker}`, tier, percent(share), `${candidates}`]),
  );
  const rows = endpoints.map((endpoint) => [
    endpoint.endpoint,
    endpoint.zone || "-",
    endpoint.tier || `left out: ${endpoint.leftOut}`,
    endpoint.weight === endpoint.configuredWeight
      ? round(endpoint.weight)
      : `${round(endpoint.weight)} (${endpoint.configuredWeight})`,
    round(endpoint.inFlight),
    `${endpoint.requests}`,
    `${endpoint.errors}`,
    `${endpoint.picked} of ${endpoint.drawn}`,
  ]);
  const head = ["ENDPOINT", "ZONE", "TIER", "WEIGHT", "IN FLIGHT", "ATTEMPTS", "ERRORS", "PICKED OF DRAWN"];
  return [
    `cluster ${name}, ${policy}, metric ${metric}, snapshot ${snapshot}\n`,
    table([["WORKER", "TIER", "SHARE", "CANDIDATES"], ...tiers]),
    table([head, ...rows]),
  ].join("\n");
}

/** Columns as wide as their widest cell. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}

function round(value: number): string {
  return `${Math.round(value * 100) / 100}`;
}
