import type { NodeStatus } from "../../admin/node-status.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import { ApiError } from "../../kube/api-error.ts";
import type { AdminSource } from "./admin-source.ts";
import { pause } from "./admin-source.ts";
import type { Answer } from "./cluster-access.ts";
import { askAll, ClusterAccess, unreachable } from "./cluster-access.ts";
import type { ClusterFlags } from "./cluster-options.ts";
import type { NamespaceView } from "./cluster-view.ts";
import { readNamespaces } from "./cluster-view.ts";

/** What `isobar off` is told. */
export interface OffFlags extends ClusterFlags {
  readonly namespace?: string;
  readonly node?: string;
  readonly force?: true;
  readonly wait: number;
}

/** What came of it. */
export interface OffOutcome {
  /** What was written, as people would say it. */
  readonly written: readonly string[];
  /** Nodes that have confirmed it. */
  readonly nodes: number;
  /** Those that have not. */
  readonly waitingFor: readonly string[];
  /** From the first write to the last node; null where nobody was asked. */
  readonly tookMs: number | null;
  /** How to undo it. */
  readonly back: readonly string[];
}

const MODE = "isobar.dev/mode";
const OFF_LABEL = "isobar.dev/off";
const DAEMON_SET = "isobar";
const LOOK_MS = 200;
const QUERY = { fieldManager: "isobar-off" };

/** Writes what takes calls off, and waits for the nodes. @param say told what happens, a line each. @throws ExitError */
export async function switchOff(flags: OffFlags, say: (line: string) => void): Promise<OffOutcome> {
  const access = ClusterAccess.open({ ...flags, admin: [] });
  const asked = flags.admin.length === 0 ? access : ClusterAccess.open(flags);
  try {
    if (access.api === undefined)
      throw new ExitError(
        ExitCode.usage,
        "off: within a container there is no kubeconfig; give --kubeconfig, or use kubectl (isobar off --help)",
      );
    await refuseToBreak(access, flags);
    const witnesses = flags.wait === 0 ? [] : await findWitnesses(await asked.proxies(), flags.node);
    const startMs = performance.now();
    const { written, back, isDone } = await write(access, flags).catch((error: unknown) => {
      throw unreachable(error);
    });
    for (const line of written) say(line);
    for (const { name, problem } of witnesses)
      if (problem !== "") say(`${name} cannot tell whether it has happened: ${problem}`);
    let waiting = witnesses.filter(({ problem }) => problem === "");
    const wasSilent = new Set<string>();
    while (waiting.length > 0 && performance.now() - startMs < flags.wait * 1_000) {
      await pause(LOOK_MS);
      const answers = await askAll<NodeStatus>(
        waiting.map(({ source }) => source),
        "/status",
      );
      waiting = waiting.filter((_, i) => !isDone(answers[i]!, wasSilent));
    }
    const waitingFor = witnesses
      .filter((each) => each.problem !== "" || waiting.includes(each))
      .map(({ name }) => name);
    const tookMs = witnesses.length === 0 ? null : Math.round(performance.now() - startMs);
    const nodes = witnesses.length - waitingFor.length;
    for (const note of access.notes) say(note);
    if (tookMs === null) say("no node was asked whether it has happened");
    else if (waitingFor.length === 0)
      say(`on kube-proxy's path on ${nodes} nodes in ${(tookMs / 1_000).toFixed(1)} s`);
    else say(`not confirmed within ${flags.wait} s by ${waitingFor.join(", ")}; see isobar status`);
    for (const line of back) say(`back: ${line}`);
    return { written, nodes, waitingFor, tookMs, back };
  } finally {
    await access.close();
  }
}

interface Written {
  readonly written: readonly string[];
  readonly back: readonly string[];
  /** Whether a node's answer says that it has happened there. @param wasSilent names of those that did not answer before, to be kept up. */
  readonly isDone: (answer: Answer<NodeStatus>, wasSilent: Set<string>) => boolean;
}

/** A proxy that is asked whether it has happened. */
interface Witness {
  readonly name: string;
  readonly source: AdminSource;
  /** Why it cannot be asked; "" where it answers. */
  readonly problem: string;
}

/**
 * Asks all proxies once before anything is written: silence afterwards says something only of those that have answered before.
 *
 * @param node only this node's.
 */
async function findWitnesses(
  sources: readonly AdminSource[],
  node: string | undefined,
): Promise<readonly Witness[]> {
  const answers = await askAll<NodeStatus>(sources, "/status");
  return answers.flatMap(({ name, value, problem }, i) =>
    node === undefined || (value?.node ?? name) === node ? [{ name, source: sources[i]!, problem }] : [],
  );
}

/** Whether nothing is led to a proxy any more: it says so, or is gone, which one answer that is missing does not prove. */
function hasLeft({ name, value }: Answer<NodeStatus>, wasSilent: Set<string>): boolean {
  if (value !== undefined) return value.capture?.open !== true;
  if (wasSilent.has(name)) return true;
  wasSilent.add(name);
  return false;
}

async function write(
  access: ClusterAccess,
  { namespace, node, systemNamespace }: OffFlags,
): Promise<Written> {
  if (namespace !== undefined) return writeNamespace(access, namespace);
  if (node !== undefined) {
    await patch(access, `/api/v1/nodes/${encodeURIComponent(node)}`, {
      metadata: { labels: { [OFF_LABEL]: "true" } },
    });
    return {
      written: [`node ${node} labelled ${OFF_LABEL}=true: its proxy leaves`],
      back: [`kubectl label node ${node} ${OFF_LABEL}-`],
      isDone: hasLeft,
    };
  }
  const path = `/apis/apps/v1/namespaces/${systemNamespace}/daemonsets/${DAEMON_SET}`;
  const selector = (value: string | null) => ({
    spec: { template: { spec: { nodeSelector: { [OFF_LABEL]: value } } } },
  });
  await patch(access, path, selector("true"));
  return {
    written: [`daemonset ${systemNamespace}/${DAEMON_SET} is for no node any more: all proxies leave`],
    back: [
      `kubectl -n ${systemNamespace} patch daemonset ${DAEMON_SET} -p '${JSON.stringify(selector(null))}'`,
    ],
    isDone: hasLeft,
  };
}

async function writeNamespace(access: ClusterAccess, namespace: string): Promise<Written> {
  const [former] = (await readNamespaces(access, namespace)) ?? [];
  const annotations = { [MODE]: "off" };
  await patch(access, `/api/v1/namespaces/${encodeURIComponent(namespace)}`, { metadata: { annotations } });
  const written = [`namespace ${namespace} annotated ${MODE}=off`];
  const back =
    former === undefined || former.mode === "off"
      ? []
      : [`kubectl annotate namespace ${namespace} ${MODE}=${former.mode} --overwrite`];
  const pods = await access.list(`/api/v1/namespaces/${namespace}/pods`);
  const own = (pods ?? []).filter(({ metadata }) => {
    const mode = metadata?.annotations?.[MODE];
    return mode !== undefined && mode !== "off";
  });
  for (const { metadata } of own) {
    const path = `/api/v1/namespaces/${namespace}/pods/${metadata!.name}`;
    const isThere = await patch(access, path, { metadata: { annotations } }).then(
      () => true,
      (error: unknown) => {
        if (error instanceof ApiError && error.code === 404) return false;
        throw error;
      },
    );
    if (!isThere) continue;
    const mode = metadata!.annotations![MODE]!;
    back.push(`kubectl -n ${namespace} annotate pod ${metadata!.name} ${MODE}=${mode} --overwrite`);
  }
  if (own.length > 0) written.push(`${own.length} of its Pods said their mode themselves: annotated, too`);
  return {
    written,
    back,
    isDone: ({ value }) => {
      // Its proxy stays, so that one that does not answer says nothing.
      if (value === undefined) return false;
      const { capture } = value;
      if (capture === null) return true;
      const left = capture.namespaces.find((each) => each.namespace === namespace)?.transparent ?? 0;
      return left === 0 && (!capture.open || capture.planInForce || capture.current !== capture.generation);
    },
  };
}

/** Clients that dial the proxy have nowhere else to go. */
async function refuseToBreak(access: ClusterAccess, { namespace, force }: OffFlags): Promise<void> {
  if (force) return;
  const namespaces = (await readNamespaces(access, namespace ?? "")) ?? [];
  if (namespace !== undefined && namespaces.length === 0 && access.notes.length === 0)
    throw new ExitError(ExitCode.usage, `--namespace: found "${namespace}", which does not exist`);
  const dialling = namespaces.filter(({ mode }: NamespaceView) => mode === "address" || mode === "proxy-env");
  if (dialling.length === 0) return;
  const names = dialling.map(({ name, mode }) => `${name} (${mode})`).join(", ");
  throw new ExitError(
    ExitCode.usage,
    `off: nothing was changed: clients of ${names} dial the proxy and would fail; change them first (for proxy-env: restart the Pods without the mode), or give --force`,
  );
}

async function patch(access: ClusterAccess, path: string, body: object): Promise<void> {
  await access.api!.write("PATCH", path, body, { kind: "merge-patch+json", query: QUERY });
}
