import type { ClusterInShort, ExplainedCluster, ExplainView, PickView } from "../../admin/explain-view.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import type { AdminSource } from "../cluster/admin-source.ts";
import type { Answer } from "../cluster/cluster-access.ts";
import { askAll } from "../cluster/cluster-access.ts";
import { wantedService } from "./wanted-service.ts";

/** What is asked of many proxies. */
export interface NodesQuestion {
  /** "" for all. */
  readonly namespace: string;
  /** As {@link wantedService} takes it; "" for a list of all. */
  readonly service: string;
  /** Recorded picks shown at most, the newest of all nodes. */
  readonly last: number;
}

/** A node that was asked. */
export interface AskedNode {
  readonly node: string;
  /** Share of the picks that it records; 0 where it did not answer. */
  readonly sample: number;
  /** Why it says nothing; "" where it did. */
  readonly problem: string;
}

/** A service in a line, over all nodes that have it. */
export interface ServiceInShort extends ClusterInShort {
  readonly nodes: number;
}

/** One service as each node sees it. */
export interface ServiceOnNodes {
  readonly name: string;
  readonly nodes: readonly { readonly node: string; readonly cluster: ExplainedCluster }[];
}

/** What `isobar explain` knows of several proxies. */
export interface NodesView {
  readonly nodes: readonly AskedNode[];
  /** Where no service was asked for. */
  readonly list: readonly ServiceInShort[];
  readonly services: readonly ServiceOnNodes[];
  /** The newest first. */
  readonly picks: readonly (PickView & { readonly node: string })[];
}

/** Asks all of them. @throws ExitError where there is no such service on any that answers. */
export async function explainNodes(
  sources: readonly AdminSource[],
  { namespace, service, last }: NodesQuestion,
): Promise<NodesView> {
  const ask = (from: readonly AdminSource[], question: Readonly<Record<string, string>>) =>
    askAll<ExplainView>(
      from,
      `/explain?${new URLSearchParams({ ...question, last: `${last}`, format: "json" })}`,
    );
  const answers = await ask(sources, namespace === "" ? {} : { namespace });
  const nodes = answers.map(({ name, value, problem }) => ({
    node: value?.node || name,
    sample: value?.sample ?? 0,
    problem,
  }));
  // A proxy of an older version knows nothing of namespaces and tells all.
  const isIts = wantedService("", namespace);
  if (service === "")
    return { nodes, list: listOf(answers, isIts), services: [], picks: picksOf(answers, isIts, last) };
  const isWanted = wantedService(service, namespace);
  const known = answers.map(({ value }) => value?.clusters.map(({ name }) => name) ?? []);
  const names = [...new Set(known.flat())].filter(isWanted).sort();
  if (names.length === 0 && answers.some(({ value }) => value !== undefined))
    throw unknownService(service, namespace, [...new Set(known.flat())].filter(isIts));
  const services: ServiceOnNodes[] = [];
  const picks: NodesView["picks"][number][] = [];
  for (const name of names) {
    const having = sources.filter((_, i) => known[i]!.includes(name));
    const said = await ask(having, { cluster: name });
    const on = said.flatMap(({ value }) =>
      value === undefined || value.cluster === null ? [] : [{ node: value.node, cluster: value.cluster }],
    );
    services.push({ name, nodes: on });
    picks.push(...picksOf(said, isWanted, last));
  }
  return { nodes, list: [], services, picks: newest(picks, last) };
}

function listOf(answers: readonly Answer<ExplainView>[], isIts: (name: string) => boolean): ServiceInShort[] {
  const list = new Map<string, ServiceInShort>();
  for (const { value } of answers)
    for (const cluster of value?.clusters ?? []) {
      if (!isIts(cluster.name)) continue;
      const former = list.get(cluster.name);
      list.set(cluster.name, {
        ...cluster,
        endpoints: Math.max(cluster.endpoints, former?.endpoints ?? 0),
        recorded: cluster.recorded + (former?.recorded ?? 0),
        nodes: 1 + (former?.nodes ?? 0),
      });
    }
  return [...list.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function picksOf(
  answers: readonly Answer<ExplainView>[],
  isWanted: (name: string) => boolean,
  last: number,
): NodesView["picks"] {
  const picks = answers.flatMap(({ value }) =>
    (value?.picks ?? [])
      .filter(({ cluster }) => isWanted(cluster))
      .map((pick) => ({ ...pick, node: value!.node })),
  );
  return newest(picks, last);
}

function newest(picks: NodesView["picks"], last: number): NodesView["picks"] {
  return picks.toSorted((a, b) => (a.time < b.time ? 1 : -1)).slice(0, last);
}

function unknownService(service: string, namespace: string, known: readonly string[]): ExitError {
  const where = namespace === "" ? "" : ` in namespace ${namespace}`;
  const shown = known.slice(0, 5).join(", ");
  const more = known.length > 5 ? ` and ${known.length - 5} more` : "";
  return new ExitError(
    ExitCode.usage,
    `SERVICE: found "${service}", which no proxy knows${where}; ${known.length === 0 ? "they know none there" : `wanted one of ${shown}${more}`}`,
  );
}
