import { join } from "node:path";
import type { KubeConfigChoice } from "../../kube/api-connection.ts";
import { withFields } from "../../telemetry/with-fields.ts";
import type { KubernetesSourceOptions } from "../kubernetes-source.ts";
import { KubernetesSource, OWN_CLUSTER } from "../kubernetes-source.ts";
import { AddressClaims } from "./address-claims.ts";
import { MergedSource } from "./merged-source.ts";
import { RememberedCluster } from "./remembered-cluster.ts";

/** A cluster beside the own one. */
export interface OtherCluster {
  /** A DNS label; unique, and not {@link OWN_CLUSTER}. */
  readonly name: string;
  readonly kubeConfig: KubeConfigChoice;
}

/** What {@link openClusters} works with. */
export interface OpenClustersOptions {
  readonly own: Omit<
    KubernetesSourceOptions,
    "name" | "isForeign" | "globalByDefault" | "onSlice" | "onNode"
  >;
  /** At least one. */
  readonly others: readonly OtherCluster[];
  /** Whether all services that are called alike are one, but for those that say otherwise; default: those that say so in both clusters. */
  readonly mergesAll?: boolean;
  /** Folder in which other clusters' services are kept for the next start; default: they are not. */
  readonly stateFolder?: string | undefined;
  /** How long other clusters are waited for at the start, in ms. Default 10 s. */
  readonly waitMs?: number;
}

const WAIT_MS = 10_000;

/**
 * Makes one source of several clusters.
 *
 * @returns the source, and each of the clusters for metrics, the own one first.
 * @throws Error in words for people, when a kubeconfig is of no use.
 */
export function openClusters(options: OpenClustersOptions): {
  readonly source: MergedSource;
  readonly clusters: readonly KubernetesSource[];
} {
  const { mergesAll = false, waitMs = WAIT_MS, stateFolder } = options;
  const { log } = options.own;
  // Sources tell whom they are made before.
  let merged: MergedSource | undefined;
  const claims = new AddressClaims((address) => merged?.claimed(address));
  const open = (name: string, more: KubernetesSourceOptions) =>
    new KubernetesSource({
      ...more,
      globalByDefault: mergesAll,
      name,
      onSlice: (previous, current) => claims.change(name, previous, current),
    });
  const own = open(OWN_CLUSTER, { ...options.own, onNode: () => merged?.nodesChanged() });
  // Whoever listens to the own cluster's objects hears of no other's: what is written there decides nothing here.
  const { clusterDomain, random, times } = options.own;
  const rest = {
    ...(clusterDomain === undefined ? {} : { clusterDomain }),
    ...(random === undefined ? {} : { random }),
    ...(times === undefined ? {} : { times }),
  };
  const others = options.others.map(({ name, kubeConfig }) => {
    try {
      return open(name, { ...rest, kubeConfig, isForeign: true, log: withFields(log, { cluster: name }) });
    } catch (error) {
      throw new Error(`cluster ${name}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  });
  const kept = others.map((source) =>
    stateFolder === undefined
      ? source
      : new RememberedCluster({ source, file: join(stateFolder, `${source.name}.json`), log }),
  );
  merged = new MergedSource({ own, others: kept, waitMs, log }, claims);
  return { source: merged, clusters: [own, ...others] };
}
