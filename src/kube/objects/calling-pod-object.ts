import type { KubeObject } from "../kube-object.ts";
import type { RawObject } from "../raw-object.ts";
import { keptMetadata } from "../raw-object.ts";
import type { ResourceKind } from "../resource-kind.ts";
import { shareLabels, shareText } from "../share-text.ts";
import type { Mesh } from "./mesh-of.ts";
import { meshOf } from "./mesh-of.ts";
import { ownAnnotations } from "./own-annotations.ts";

/** What is kept of a Pod as one whose connections come to the proxy of its node. */
export interface CallingPodObject extends KubeObject {
  /** Its own annotations of ours, without their prefix. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  /** What made it: `Deployment/checkout`; "" for nobody. */
  readonly workload: string;
  /** Its addresses, as its status has them; none where they are not its own. */
  readonly addresses: readonly string[];
  /** Whether it has the addresses of its node, and cannot be told from it. */
  readonly isHostNetwork: boolean;
  /** It has ended: whatever its status says, its address is free for others. */
  readonly isFinished: boolean;
  /** It is being deleted. */
  readonly isLeaving: boolean;
  /** When it was made, in milliseconds since 1970. */
  readonly createdMs: number;
  readonly mesh: Mesh;
}

interface RawSpec {
  readonly serviceAccountName?: string;
  readonly hostNetwork?: boolean;
  readonly containers?: readonly { readonly name?: string }[];
  readonly initContainers?: readonly { readonly name?: string }[];
}

interface RawStatus {
  readonly phase?: string;
  readonly podIP?: string;
  readonly podIPs?: readonly { readonly ip?: string }[];
}

/** Whole Pods, as callers. They are asked for node by node, and of nodes where their addresses are needed. */
export const CALLING_PODS: ResourceKind<CallingPodObject> = {
  group: "",
  version: "v1",
  kind: "Pod",
  plural: "pods",
  optional: false,
  metadataOnly: false,
  pageSize: 500,
  decode(raw: RawObject): CallingPodObject {
    const { metadata = {} } = raw;
    const spec = (raw.spec ?? {}) as RawSpec;
    const { phase = "", podIP = "", podIPs } = (raw.status ?? {}) as RawStatus;
    const isHostNetwork = spec.hostNetwork === true;
    const addresses = (podIPs ?? [{ ip: podIP }]).flatMap(({ ip = "" }) => (ip === "" ? [] : [ip]));
    const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
    return {
      ...keptMetadata(raw),
      annotations: ownAnnotations(raw),
      labels: shareLabels(metadata.labels),
      serviceAccount: shareText(spec.serviceAccountName ?? ""),
      workload: shareText(workloadOf(raw)),
      addresses: isHostNetwork ? [] : addresses,
      isHostNetwork,
      isFinished: phase === "Succeeded" || phase === "Failed",
      isLeaving: metadata.deletionTimestamp !== undefined,
      createdMs: Date.parse(metadata.creationTimestamp ?? "") || 0,
      mesh: meshOf(
        raw,
        containers.map(({ name = "" }) => name),
      ),
    };
  },
  // A Pod's status is written often, for reasons that are nothing to us.
  isSame: (one, other) =>
    one.uid === other.uid &&
    one.annotations === other.annotations &&
    one.labels === other.labels &&
    one.isFinished === other.isFinished &&
    one.isLeaving === other.isLeaving &&
    one.mesh === other.mesh &&
    one.addresses.join() === other.addresses.join(),
};

/** A ReplicaSet's Pods are its Deployment's and a Job's mostly a CronJob's: both say so by how they call what they make. */
function workloadOf({ metadata = {} }: RawObject): string {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (owner === undefined) return "";
  const { kind = "", name = "" } = owner;
  const hash = metadata.labels?.["pod-template-hash"] ?? "";
  if (kind === "ReplicaSet" && hash !== "" && name.endsWith(`-${hash}`))
    return `Deployment/${name.slice(0, -hash.length - 1)}`;
  const [, cron] = kind === "Job" ? (/^(.+)-\d{8,11}$/.exec(name) ?? []) : [];
  return cron === undefined ? `${kind}/${name}` : `CronJob/${cron}`;
}
