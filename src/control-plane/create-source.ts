import { mkdir } from "node:fs/promises";
import type { KubernetesSource, KubernetesSourceOptions } from "../controller/kubernetes-source.ts";
import { ExitCode, ExitError } from "../daemon/exit-code.ts";
import { createAddressLookup } from "../discovery/address-lookup.ts";
import type { ServiceSource } from "../resource/service-source.ts";
import type { Log } from "../telemetry/log.ts";
import { StaticSource } from "./static-source.ts";

/** A Kubernetes cluster whose services add endpoints to those of the own one. */
export interface OtherClusterFlag {
  readonly name: string;
  readonly file: string;
  readonly context: string | undefined;
}

/** Where services come from, as the command line says it. */
export interface SourceFlags {
  /** Services of this file; undefined: those of Kubernetes. */
  readonly staticFile: string | undefined;
  /** Which Kubernetes; undefined where it is as kubectl has it. */
  readonly kubeConfigFile: string | undefined;
  readonly kubeContext: string | undefined;
  readonly clusterDomain: string;
  readonly otherClusters: readonly OtherClusterFlag[];
  /** Folder in which other clusters' services are kept; undefined: they are not. */
  readonly clusterState: string | undefined;
  /** Whether Services of one name are one in all clusters, without saying so. */
  readonly mergesAll: boolean;
}

/** A source, and what is to be seen of it. */
export interface CreatedSource {
  readonly source: ServiceSource;
  /** The clusters it reads, the own one first; none where it is a file. */
  readonly clusters: readonly KubernetesSource[];
  /** Endpoints that are left out because another cluster's Pods have their address. */
  readonly contestedEndpoints: () => number;
}

/**
 * Makes the source that the command line names. What reads Kubernetes is large, and loaded only where it is used.
 *
 * @param more what else the own cluster's source is given.
 * @throws ExitError when there is no usable kubeconfig.
 */
export async function createSource(
  flags: SourceFlags,
  log: Log,
  more: Partial<KubernetesSourceOptions> = {},
): Promise<CreatedSource> {
  const { staticFile, kubeConfigFile, kubeContext, clusterDomain, otherClusters, mergesAll } = flags;
  if (staticFile !== undefined) {
    if (otherClusters.length > 0)
      throw new ExitError(ExitCode.usage, "--cluster: found it beside --static, wanted either of them");
    const source = new StaticSource({ file: staticFile, log, lookup: createAddressLookup() });
    return { source, clusters: [], contestedEndpoints: () => 0 };
  }
  const { KubernetesSource } = await import("../controller/kubernetes-source.ts");
  const own = { kubeConfig: { file: kubeConfigFile, context: kubeContext }, clusterDomain, log, ...more };
  try {
    if (otherClusters.length === 0) {
      const source = new KubernetesSource(own);
      return { source, clusters: [source], contestedEndpoints: () => 0 };
    }
    if (flags.clusterState !== undefined) await mkdir(flags.clusterState, { recursive: true });
    const { openClusters } = await import("../controller/clusters/open-clusters.ts");
    const others = otherClusters.map(({ name, file, context }) => ({ name, kubeConfig: { file, context } }));
    const { source, clusters } = openClusters({ own, others, mergesAll, stateFolder: flags.clusterState });
    return { source, clusters, contestedEndpoints: () => source.contestedEndpoints };
  } catch (error) {
    throw new ExitError(ExitCode.usage, error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}
