import { readFileSync, writeFileSync } from "node:fs";
import { parse } from "yaml";
import type { Random } from "../../src/base/random.ts";
import { ApiConnection } from "../../src/kube/api-connection.ts";
import type { LargeCluster } from "./large-cluster.ts";

/** What {@link planChanges} needs. */
export interface ChangeOptions {
  readonly cluster: LargeCluster;
  readonly kubeConfig: string;
  /** Where the proxy listens. */
  readonly proxyAddress: string;
  /** Changes per second, and those of them that are of services the proxy uses. */
  readonly rate: number;
  readonly probeRate: number;
  readonly seconds: number;
  /** Services the proxy uses. */
  readonly proxyServices: readonly number[];
  readonly random: Random;
}

/** A write whose endpoints were called through the proxy. */
export interface Probe {
  /** When it began, in microseconds since 1970. */
  readonly stamp: number;
  /** From there until the API server had answered, and until a request arrived at one of its endpoints. */
  readonly writeMs: number;
  readonly usedMs: number;
  /** Where it arrived. */
  readonly host: string;
}

/** What came of the changes, as the program that writes them says it. */
export interface Changes {
  /** Last stamp by service, in microseconds since 1970. */
  readonly stamps: Readonly<Record<string, number>>;
  /** How long writes took, in ms. */
  readonly writeMs: readonly number[];
  /** From the beginning of a write until a request through the proxy arrived at an endpoint of it, in ms. */
  readonly usedMs: readonly number[];
  /** The same of each single write whose endpoints were called. */
  readonly probes: readonly Probe[];
  /** What went wrong last; "" for nothing. */
  readonly fault: string;
}

/**
 * Prepares EndpointSlices to be written at a rate (peers/changes.go), so that nothing has to be made while it is measured: of services taken evenly, one endpoint
 * becomes another one, as in a roll-out; of services that the proxy uses, half of them do, and calls are made until one of the new ones is reached.
 *
 * @param file where the plan is put.
 */
export async function planChanges(file: string, options: ChangeOptions): Promise<void> {
  const { cluster, kubeConfig, proxyAddress, rate, probeRate, seconds, proxyServices, random } = options;
  const connection = new ApiConnection({ file: kubeConfig });
  const { origin, headers } = await connection.prepare();
  await connection.close();
  const { clusters } = parse(readFileSync(kubeConfig, "utf8")) as {
    readonly clusters: readonly [{ readonly cluster: { readonly "certificate-authority-data": string } }];
  };
  const half = Math.floor(cluster.size.endpointsPerService / 2);
  let probes = 0;
  const changes = Array.from({ length: Math.round(rate * seconds) }, (_, due) => {
    const isProbe = probes < ((due + 1) * probeRate) / rate;
    const service = isProbe
      ? proxyServices[probes++ % proxyServices.length]!
      : random.nextInt(cluster.size.services);
    const { slice, added } = cluster.replaceEndpoints(service, isProbe ? half : 1);
    const { namespace, name } = slice.metadata;
    return {
      path: `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices/${name}`,
      name: cluster.nameOf(service),
      body: JSON.stringify(slice),
      hosts: isProbe ? added : [],
    };
  });
  const ca = atob(clusters[0].cluster["certificate-authority-data"]);
  writeFileSync(file, JSON.stringify({ server: origin, ca, headers, proxy: proxyAddress, rate, changes }));
}
