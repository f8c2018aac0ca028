import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../src/base/random.ts";
import type { KubeWriter } from "../../test/kube/harness/kube-writer.ts";
import type { LargeCluster } from "./large-cluster.ts";
import type { ProbingProxy } from "./probing-proxy.ts";

/** What {@link writeChanges} needs. */
export interface ChangeOptions {
  readonly cluster: LargeCluster;
  readonly writer: KubeWriter;
  /** Changes per second, and those of them that are of services the proxy uses. */
  readonly rate: number;
  readonly probeRate: number;
  readonly seconds: number;
  readonly proxy: ProbingProxy;
  /** Services the proxy uses. */
  readonly proxyServices: readonly number[];
  readonly random: Random;
  readonly onProgress: (written: number) => void;
}

/** What came of it. */
export interface Changes {
  /** Last stamp by service, in microseconds since 1970. */
  readonly stamps: ReadonlyMap<string, number>;
  readonly written: number;
  /** How long writes took, in ms. */
  readonly writeMs: readonly number[];
  /** From the beginning of a write until a request through the proxy was answered by an endpoint of it, in ms. */
  readonly usedMs: readonly number[];
}

const TICK_MS = 10;

/**
 * Writes EndpointSlices at a rate: of services taken evenly, one endpoint becomes another one, as in a roll-out; of services that the proxy uses, half
 * of them do, and calls are made until one of the new ones answers.
 */
export async function writeChanges(options: ChangeOptions): Promise<Changes> {
  const { cluster, writer, rate, probeRate, seconds, proxy, proxyServices, random, onProgress } = options;
  const stamps = new Map<string, number>();
  const writeMs: number[] = [];
  const usedMs: number[] = [];
  /** Writes of one service go one after the other, as a controller's do. */
  const busy = new Set<number>();
  const underWay = new Set<Promise<void>>();
  let written = 0;

  const change = async (service: number, count: number, isProbe: boolean): Promise<void> => {
    busy.add(service);
    const name = cluster.nameOf(service);
    const stampUs = Math.round((performance.timeOrigin + performance.now()) * 1_000);
    const { slice, added } = cluster.replaceEndpoints(service, count, stampUs);
    const { namespace, name: sliceName } = slice.metadata;
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices/${sliceName}`;
    try {
      // Within the millisecond the first call may come before the write is done, and wait for what it brings.
      const used = isProbe ? proxy.waitFor(name, new Set(added)) : undefined;
      const failed = used?.then(
        () => undefined,
        (error: unknown) => error,
      );
      await writer.send("PUT", path, slice);
      writeMs.push(performance.timeOrigin + performance.now() - stampUs / 1_000);
      stamps.set(name, stampUs);
      onProgress(++written);
      const error = await failed;
      if (error !== undefined) throw error;
      if (used !== undefined) usedMs.push((await used) - stampUs / 1_000);
    } finally {
      busy.delete(service);
    }
  };
  let fault: unknown;
  const start = (service: number, count: number, isProbe: boolean): void => {
    const promise = change(service, count, isProbe)
      .catch((error: unknown) => {
        fault ??= error;
      })
      .finally(() => underWay.delete(promise));
    underWay.add(promise);
  };

  const startedMs = performance.now();
  const half = Math.floor(cluster.size.endpointsPerService / 2);
  let due = 0;
  let probes = 0;
  for (let elapsedMs = 0; elapsedMs < seconds * 1_000; elapsedMs = performance.now() - startedMs) {
    if (fault !== undefined) throw fault;
    for (; due < (elapsedMs * rate) / 1_000; due++) {
      const isProbe = probes < (elapsedMs * probeRate) / 1_000;
      const service = isProbe
        ? proxyServices[probes++ % proxyServices.length]!
        : random.nextInt(cluster.size.services);
      if (busy.has(service)) continue;
      start(service, isProbe ? half : 1, isProbe);
    }
    await sleep(TICK_MS);
  }
  await Promise.all(underWay);
  if (fault !== undefined) throw fault;
  return { stamps, written, writeMs, usedMs };
}
