import type { NodeStatus } from "../../admin/node-status.ts";
import type { OptIn } from "../../controller/opt-in.ts";
import { joinOptIn, readOptInPart } from "../../controller/opt-in.ts";
import type { RawObject } from "../../kube/raw-object.ts";
import type { StreamStatus } from "../../xds/server/stream-status.ts";
import type { Answer, ClusterAccess } from "./cluster-access.ts";
import { askAll } from "./cluster-access.ts";
import type { IsobarPod } from "./isobar-pod.ts";

/** A namespace by its annotations. */
export interface NamespaceView extends OptIn {
  readonly name: string;
}

/** A Service that would be captured and is not. */
export interface LeftAloneService {
  readonly service: string;
  readonly reason: string;
  readonly message: string;
}

/** A replica of the control plane. */
export interface ControlPlaneStatus {
  readonly stats: Readonly<Record<string, number>>;
  readonly clients: readonly StreamStatus[];
}

/** A cluster as Isobar's processes and the API server show it. What could not be read is undefined, and named in `notes`. */
export interface ClusterView {
  readonly nodes: readonly Answer<NodeStatus>[];
  readonly controlPlanes: readonly Answer<ControlPlaneStatus>[];
  /** undefined: not asked. */
  readonly pods: readonly IsobarPod[] | undefined;
  readonly namespaces: readonly NamespaceView[] | undefined;
  readonly leftAlone: readonly LeftAloneService[] | undefined;
  readonly notes: readonly string[];
}

const PREFIX = "isobar.dev/";

/**
 * Asks everybody.
 *
 * @param namespace only this one; "" all.
 * @param onStep told as answers come, of how many.
 */
export async function readCluster(
  access: ClusterAccess,
  namespace: string,
  onStep: (total: number) => void = () => {},
): Promise<ClusterView> {
  const [pods, proxies, replicas] = [
    await access.pods(),
    await access.proxies(),
    await access.controlPlanes(),
  ];
  const total = proxies.length + 2 * replicas.length;
  const step = (): void => onStep(total);
  const [nodes, stats, clients, namespaces, leftAlone] = await Promise.all([
    askAll<NodeStatus>(proxies, "/status", undefined, step),
    askAll<Readonly<Record<string, number>>>(replicas, "/stats?format=json", undefined, step),
    askAll<{ readonly clients: readonly StreamStatus[] }>(
      replicas,
      "/xds/status?format=json",
      undefined,
      step,
    ),
    readNamespaces(access, namespace),
    readLeftAlone(access, namespace),
  ]);
  const controlPlanes = stats.map(({ name, value, problem }, i): Answer<ControlPlaneStatus> => {
    const seen = clients[i]?.value?.clients;
    const isWhole = value !== undefined && seen !== undefined;
    return {
      name,
      value: isWhole ? { stats: value, clients: seen } : undefined,
      problem: problem || (clients[i]?.problem ?? ""),
    };
  });
  return { nodes, controlPlanes, pods, namespaces, leftAlone, notes: access.notes };
}

/**
 * Namespaces by their annotations.
 *
 * @param namespace only this one, for which a right in it is enough; "" all. @returns undefined where they may not be read.
 */
export async function readNamespaces(
  access: ClusterAccess,
  namespace: string,
): Promise<readonly NamespaceView[] | undefined> {
  const found =
    namespace === ""
      ? await access.list("/api/v1/namespaces")
      : await access.get(`/api/v1/namespaces/${encodeURIComponent(namespace)}`);
  return found?.map(({ metadata }) => {
    const own: Record<string, string> = {};
    for (const [key, value] of Object.entries(metadata?.annotations ?? {}))
      if (key.startsWith(PREFIX)) own[key.slice(PREFIX.length)] = value;
    return { name: metadata?.name ?? "", ...joinOptIn(readOptInPart(own), {}) };
  });
}

interface RawServiceStatus {
  readonly conditions?: readonly {
    readonly type?: string;
    readonly status?: string;
    readonly reason?: string;
    readonly message?: string;
  }[];
}

async function readLeftAlone(
  access: ClusterAccess,
  namespace: string,
): Promise<readonly LeftAloneService[] | undefined> {
  const within = namespace === "" ? "" : `/namespaces/${namespace}`;
  const found = await access.list(`/api/v1${within}/services`);
  return found?.flatMap(({ metadata, status }: RawObject) => {
    const { conditions = [] } = (status ?? {}) as RawServiceStatus;
    const condition = conditions.find((each) => each.type === `${PREFIX}Captured` && each.status === "False");
    if (condition === undefined) return [];
    const { reason = "", message = "" } = condition;
    return [{ service: `${metadata?.namespace}/${metadata?.name}`, reason, message }];
  });
}
