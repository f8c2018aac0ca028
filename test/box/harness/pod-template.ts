import type { Stored } from "../../kube/harness/kube-writer.ts";

/** A probe of a container; all of ours run a command. */
export interface Probe {
  readonly exec: { readonly command: readonly string[] };
  /** Seconds; default 10. */
  readonly periodSeconds?: number;
  /** Seconds; default 1. */
  readonly timeoutSeconds?: number;
  /** Default 3. */
  readonly failureThreshold?: number;
}

/** What a Pod says of who its programs are. */
export interface SecurityContext {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly fsGroup?: number;
  readonly supplementalGroups?: readonly number[];
  readonly runAsNonRoot?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] };
}

/** A container as Pods have it: the fields that the shipped manifests use. */
export interface ContainerSpec {
  readonly name: string;
  /** `Always` makes an init container a sidecar. */
  readonly restartPolicy?: string;
  readonly args?: readonly string[];
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
  }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly resources?: { readonly limits?: { readonly memory?: string } };
  readonly securityContext?: SecurityContext;
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
}

/** What a file of a projected volume comes from. */
export interface ProjectedSource {
  readonly serviceAccountToken?: {
    /** Default: the API server's. */
    readonly audience?: string;
    readonly path: string;
    readonly expirationSeconds?: number;
  };
  readonly configMap?: NamedFiles;
  readonly secret?: NamedFiles;
}

/** Keys of a ConfigMap or Secret that become files; default: all of them. */
export interface NamedFiles {
  readonly name: string;
  readonly items?: readonly { readonly key: string; readonly path: string }[];
}

/** A volume as Pods have it, of the kinds that the shipped manifests use. */
export interface VolumeSpec {
  readonly name: string;
  readonly configMap?: { readonly name: string };
  readonly secret?: { readonly secretName: string };
  readonly emptyDir?: object;
  readonly hostPath?: { readonly path: string; readonly type?: string };
  readonly projected?: { readonly sources: readonly ProjectedSource[] };
}

/** What a Pod is made of. */
export interface PodSpec {
  readonly nodeName?: string;
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly hostNetwork?: boolean;
  readonly dnsPolicy?: string;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly affinity?: {
    readonly nodeAffinity?: {
      readonly requiredDuringSchedulingIgnoredDuringExecution?: {
        readonly nodeSelectorTerms: readonly {
          readonly matchExpressions?: readonly {
            readonly key: string;
            readonly operator: string;
            readonly values?: readonly string[];
          }[];
        }[];
      };
    };
  };
  /** Default 30. */
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext?: SecurityContext;
  readonly initContainers?: readonly ContainerSpec[];
  readonly containers: readonly ContainerSpec[];
  readonly volumes?: readonly VolumeSpec[];
}

/** A Pod as the API server has it. */
export interface PodObject extends Stored {
  readonly spec: PodSpec;
}

/** A Deployment or a DaemonSet as the API server has it. */
export interface Workload extends Stored {
  readonly metadata: Stored["metadata"] & { readonly generation: number };
  readonly spec: {
    readonly replicas?: number;
    readonly template: {
      readonly metadata: {
        readonly labels: Readonly<Record<string, string>>;
        readonly annotations?: Readonly<Record<string, string>>;
      };
      readonly spec: PodSpec;
    };
  };
}

/**
 * @returns whether a Pod may be on a node with these labels.
 * @throws Error for an operator that no manifest of ours has had.
 */
export function fitsNode(
  { nodeSelector = {}, affinity }: PodSpec,
  labels: Readonly<Record<string, string>>,
): boolean {
  if (Object.entries(nodeSelector).some(([key, value]) => labels[key] !== value)) return false;
  const terms =
    affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return (
    terms.length === 0 ||
    terms.some(({ matchExpressions = [] }) =>
      matchExpressions.every(({ key, operator, values = [] }) => {
        if (operator === "Exists") return key in labels;
        if (operator === "DoesNotExist") return !(key in labels);
        if (operator === "In") return values.includes(labels[key] ?? "");
        throw new Error(`node affinity: operator ${operator} is none that this harness knows`);
      }),
    )
  );
}
