import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import type { AdminSource } from "../cluster/admin-source.ts";
import { ClusterAccess } from "../cluster/cluster-access.ts";
import type { ClusterFlags } from "../cluster/cluster-options.ts";
import type { NodesView } from "./explain-nodes.ts";
import { explainNodes } from "./explain-nodes.ts";
import { explainNodesText } from "./explain-nodes-text.ts";
import type { ServiceFacts } from "./namespace-facts.ts";
import { factsText, namespaceFacts } from "./namespace-facts.ts";

/** What is asked of a cluster. */
export interface ExplainClusterFlags extends ClusterFlags {
  readonly namespace?: string;
  readonly node?: string;
  readonly last: number;
}

/** What an owner of services may always ask, whatever a kubeconfig allows. */
const BY_HEADER =
  "why one request went where it did: send it with x-isobar-explain: 1 from a Pod of the namespace (docs/explain.md)";

/** Prints why proxies of a cluster pick what they pick, or what the API server says where they may not be asked. @throws ExitError */
export async function explainCluster(service: string, flags: ExplainClusterFlags): Promise<void> {
  const { namespace = "", last, output } = flags;
  const access = ClusterAccess.open(flags);
  try {
    const sources = ofNode(await access.proxies(), flags.node);
    const view = await explainNodes(sources, { namespace, service, last });
    const isSilent = view.nodes.every(({ problem }) => problem !== "");
    const facts = isSilent && namespace !== "" ? await namespaceFacts(access, namespace, service) : undefined;
    if (isSilent && facts === undefined)
      throw new ExitError(ExitCode.unavailable, nobodySays(view, access.notes));
    const { notes } = access;
    process.stdout.write(
      output === "json"
        ? `${JSON.stringify({ ...view, ...(facts === undefined ? {} : { kubernetes: facts }), notes }, null, 2)}\n`
        : facts === undefined
          ? explainNodesText(view, last)
          : withoutPods(view, facts, notes),
    );
  } finally {
    await access.close();
  }
}

function ofNode(sources: readonly AdminSource[], node: string | undefined): readonly AdminSource[] {
  const found = sources.filter(({ name }) => node === undefined || name === node);
  if (found.length > 0 || sources.length === 0) return found;
  throw new ExitError(
    ExitCode.usage,
    `--node: found "${node}", wanted one with a proxy: ${sources.map(({ name }) => name).join(", ")}`,
  );
}

function nobodySays({ nodes }: NodesView, notes: readonly string[]): string {
  const first = nodes[0]?.problem ?? "no proxy is there to ask";
  return [first, ...notes].join("; ");
}

function withoutPods(view: NodesView, facts: readonly ServiceFacts[], notes: readonly string[]): string {
  const why = [...new Set(view.nodes.map(({ problem }) => problem))].slice(0, 1);
  return `${factsText(facts)}\nas Kubernetes has it; no proxy was asked:\n${[...why, ...notes, BY_HEADER].map((line) => `  ${line}\n`).join("")}`;
}
