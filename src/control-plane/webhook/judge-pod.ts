import type { OptIn } from "../../controller/opt-in.ts";
import type { Mesh } from "../../kube/objects/mesh-of.ts";
import { ANNOTATION_PREFIX } from "../../kube/objects/own-annotations.ts";
import type { AdmissionAnswer, IncomingPod, PatchOperation } from "./admission-review.ts";
import { pointerPart } from "./admission-review.ts";
import { findForeignProxy } from "./foreign-proxy.ts";
import type { ProxyVariable } from "./proxy-variables.ts";
import { proxyVariables } from "./proxy-variables.ts";
import type { WaitOptions } from "./wait-container.ts";
import { WAIT_CONTAINER, waitContainer } from "./wait-container.ts";

/** How a Pod's calls are to come to its node's proxy. */
export interface PodOptIn extends Pick<OptIn, "mode" | "percent" | "failClosed"> {
  /** The mesh whose part it is or will be. */
  readonly mesh: Mesh;
}

/** What Pods are changed by. */
export interface PodWebhookSettings extends WaitOptions {
  /** Domain of the cluster's DNS names. */
  readonly domain: string;
}

/** What becomes of a Pod. `left_alone`: it is opted in, and something about it is in the way. */
export interface PodVerdict extends AdmissionAnswer {
  readonly result: "proxy_env" | "wait" | "unchanged" | "left_alone";
}

/** Says on a Pod what was done to it. */
export const INJECTED = `${ANNOTATION_PREFIX}injected`;
const MODE = `${ANNOTATION_PREFIX}mode`;
const UNCHANGED: PodVerdict = { patch: [], warnings: [], result: "unchanged" };
const MAX_WARNING = 250;

/**
 * Decides what a Pod needs so that its calls come to its node's proxy.
 *
 * With `proxy-env` the share is drawn here, because a Pod has no UID yet; with `transparent` every Pod waits, and one that is not among the share is told at once that it need not.
 *
 * @param draw 0 to 99.
 */
export function judgePod(
  pod: IncomingPod,
  { mode, percent, failClosed, mesh }: PodOptIn,
  draw: number,
  settings: PodWebhookSettings,
): PodVerdict {
  const { hostNetwork, os } = pod.spec;
  // Pods with the node's own addresses cannot be told from the node, and elsewhere than on Linux there is no proxy.
  if (hostNetwork === true || (os?.name ?? "linux") !== "linux" || percent <= 0) return UNCHANGED;
  if (mode !== "transparent" && mode !== "proxy-env") return UNCHANGED;
  // The proxy leaves such Pods alone: there is nothing to wait for, and it would not serve them.
  if (mesh !== "") return leftAlone(mode, `it is in a mesh (${mesh})`);
  if (mode === "transparent") return waiting(pod, failClosed, settings);
  const wanted = proxyVariables(settings.door, settings.domain);
  const isPatched = pod.metadata.annotations?.[INJECTED] === "proxy-env";
  if (draw >= percent && !isPatched) return UNCHANGED;
  const obstacle = findObstacle(pod, wanted, settings.domain);
  if (obstacle !== undefined) return leftAlone(mode, obstacle);
  const patch = [
    ...containersOf(pod, "containers").flatMap((each, index) =>
      variables(each, `containers/${index}`, wanted),
    ),
    ...containersOf(pod, "initContainers").flatMap((each, index) =>
      variables(each, `initContainers/${index}`, wanted),
    ),
  ];
  return { patch: [...patch, ...stamp(pod, "proxy-env")], warnings: [], result: "proxy_env" };
}

function waiting(pod: IncomingPod, failClosed: boolean, settings: PodWebhookSettings): PodVerdict {
  const { initContainers } = pod.spec;
  if (initContainers?.some(({ name }) => name === WAIT_CONTAINER) === true) return UNCHANGED;
  const container = waitContainer(pod, settings, failClosed);
  const added: PatchOperation =
    initContainers === undefined || initContainers === null
      ? { op: "add", path: "/spec/initContainers", value: [container] }
      : // The first one: the others may call, too.
        { op: "add", path: "/spec/initContainers/0", value: container };
  return { patch: [added, ...stamp(pod, "wait")], warnings: [], result: "wait" };
}

function findObstacle(
  pod: IncomingPod,
  wanted: readonly ProxyVariable[],
  domain: string,
): string | undefined {
  const all = [...containersOf(pod, "containers"), ...containersOf(pod, "initContainers")];
  for (const each of all) {
    const found = findForeignProxy(each, wanted, domain);
    if (found !== undefined) return found;
  }
  // What a ConfigMap or Secret sets cannot be seen, and would be overridden: a Pod that asks for the mode itself says that this is meant.
  if (pod.metadata.annotations?.[MODE] === "proxy-env") return undefined;
  const unknown = all.find(({ envFrom }) => (envFrom?.length ?? 0) > 0);
  return (
    unknown && `container ${unknown.name} has envFrom, which may set a proxy: say ${MODE} on the Pod if not`
  );
}

function leftAlone(mode: string, obstacle: string): PodVerdict {
  const text = `isobar.dev: the Pod is left alone, not in mode ${mode}: ${obstacle}`;
  return { patch: [], warnings: [text.slice(0, MAX_WARNING)], result: "left_alone" };
}

function variables(
  { env }: IncomingPod["spec"]["containers"][number],
  place: string,
  wanted: readonly ProxyVariable[],
): readonly PatchOperation[] {
  const path = `/spec/${place}/env`;
  const lacking = wanted.filter(
    ({ name }) =>
      // Exceptions of its own that exclude no Service count instead of ours, in the spelling it has.
      !env?.some(
        (each) => each.name === name || (isException(name) && each.name.toLowerCase() === "no_proxy"),
      ),
  );
  if (lacking.length === 0) return [];
  if (env === undefined || env === null) return [{ op: "add", path, value: lacking }];
  return lacking.map((value) => ({ op: "add", path: `${path}/-`, value }));
}

function isException(name: string): boolean {
  return name.toLowerCase() === "no_proxy";
}

function stamp({ metadata }: IncomingPod, what: string): readonly PatchOperation[] {
  const { annotations } = metadata;
  if (annotations?.[INJECTED] === what) return [];
  if (annotations === undefined || annotations === null)
    return [{ op: "add", path: "/metadata/annotations", value: { [INJECTED]: what } }];
  return [{ op: "add", path: `/metadata/annotations/${pointerPart(INJECTED)}`, value: what }];
}

function containersOf({ spec }: IncomingPod, list: "containers" | "initContainers") {
  return spec[list] ?? [];
}
