import type { StreamStatus } from "../../xds/server/stream-status.ts";
import type { PageSource } from "./page-source.ts";
import type { NodeLine, NodesView } from "./page-view.ts";

/** @returns the clients of this replica. @param search part of a node's name; "" for all. */
export function nodesView(source: PageSource, search: string, offset: number, limit: number): NodesView {
  const { server, loads } = source;
  const all = server.status();
  const text = search.toLowerCase();
  const found = all
    .filter(({ nodeId }) => nodeId.toLowerCase().includes(text))
    .sort((a, b) => (a.nodeId === b.nodeId ? a.stream - b.stream : a.nodeId < b.nodeId ? -1 : 1));
  const callers = loads.traffic?.callers();
  return {
    at: new Date().toISOString(),
    total: all.length,
    matched: found.length,
    offset,
    versions: versionsOf(all),
    nodes: found.slice(offset, offset + limit).map((status): NodeLine => {
      const place = status.kind === "isobar" ? loads.roster.find(status.nodeId) : undefined;
      const caller = callers?.get(status.nodeId);
      return {
        ...lineOf(status),
        ...(status.zone === "" && place !== undefined ? { region: place.region, zone: place.zone } : {}),
        place: place === undefined ? null : { index: place.index, count: place.count },
        requestsPerSecond: caller?.requestsPerSecond ?? null,
        inFlight: caller?.inFlight ?? null,
      };
    }),
  };
}

function lineOf(status: StreamStatus): Omit<NodeLine, "place" | "requestsPerSecond" | "inFlight"> {
  const { nodeId, kind, userAgent, agentVersion, region, zone, sinceMs, types } = status;
  const refusals = types.flatMap(({ refused }) => refused).sort((a, b) => b.atMs - a.atMs);
  const sum = (of: (type: StreamStatus["types"][number]) => number): number =>
    types.reduce((total, each) => total + of(each), 0);
  return {
    node: nodeId,
    kind,
    agent: userAgent,
    version: agentVersion,
    region,
    zone,
    since: new Date(sinceMs).toISOString(),
    held: sum(({ held }) => held),
    refused: sum(({ refusedCount }) => refusedCount),
    unanswered: sum(({ unanswered }) => unanswered),
    refusal: refusals.length === 0 ? "" : `${refusals[0]!.name}: ${refusals[0]!.message}`.slice(0, 500),
  };
}

const MAX_VERSIONS = 100;

function versionsOf(all: readonly StreamStatus[]): NodesView["versions"] {
  const counts = new Map<string, { kind: string; version: string; count: number }>();
  for (const { kind, userAgent, agentVersion } of all) {
    const key = `${kind} ${userAgent} ${agentVersion}`;
    const known = counts.get(key);
    const shown = kind === "isobar" || userAgent === "" ? kind : userAgent;
    if (known === undefined) counts.set(key, { kind: shown, version: agentVersion, count: 1 });
    else known.count++;
  }
  return [...counts.values()].sort((a, b) => b.count - a.count).slice(0, MAX_VERSIONS);
}
