import type { NodeStatus, SourceStatus } from "../../admin/node-status.ts";
import type { ServiceRate } from "./service-rates.ts";
import { grown, nodeKey } from "./service-rates.ts";

/** One namespace between two looks at all proxies: its Pods as callers, and its Services as what is called. */
export interface NamespaceRate {
  readonly name: string;
  /** Pods whose calls come to the proxy. */
  readonly pods: number;
  /** Open HTTP/2 connections of its captured Pods. */
  readonly channels: number;
  /** Requests of its Pods that ended, a second. */
  readonly requestsFromPerSecond: number;
  /** Seconds that its calls stood in line for an endpoint with room, in each second; all calls together. */
  readonly throttledPerSecond: number;
  /** Requests for its Services that ended, a second. */
  readonly requestsToPerSecond: number;
  /** Of the proxies, to endpoints of its Services. */
  readonly upstreamConnections: number;
  /** Open connections to its Services that are passed on as a whole. */
  readonly spliced: number;
  /** Open connections of captured Pods to its Services past the proxy. */
  readonly bypassed: number;
}

/** What metrics call callers that are not known. */
const UNKNOWN = "unknown";
/** A request that was counted between two reads of a status is no unknown caller's. */
const LEAST_UNKNOWN_PER_SECOND = 0.05;

type Sum = { -readonly [Key in keyof NamespaceRate]: NamespaceRate[Key] };

/**
 * @param services of the same two looks. @returns what namespaces did between them, those with most channels first. Callers that are not
 * known are the namespace `unknown`.
 */
export function namespaceRates(
  before: readonly NodeStatus[],
  after: readonly NodeStatus[],
  services: readonly ServiceRate[],
): readonly NamespaceRate[] {
  const sums = new Map<string, Sum>();
  const of = (name: string): Sum => {
    let sum = sums.get(name);
    if (sum === undefined) {
      sum = { name, ...NOTHING };
      sums.set(name, sum);
    }
    return sum;
  };
  for (const each of services) {
    const sum = of(each.namespace);
    sum.requestsToPerSecond += each.requestsPerSecond;
    sum.upstreamConnections += each.upstreamConnections;
    sum.spliced += each.spliced;
    sum.bypassed += each.bypassed;
  }
  const former = new Map(before.map((each) => [nodeKey(each), each]));
  const nodesSeen = new Set<string>();
  let unknown = 0;
  for (const status of after) {
    // All generations of a node are told of the same Pods.
    if (status.capture !== null && !nodesSeen.has(status.node)) {
      nodesSeen.add(status.node);
      for (const { namespace, transparent, proxyEnv, address } of status.capture.namespaces)
        of(namespace).pods += transparent + proxyEnv + address;
    }
    const past = former.get(nodeKey(status));
    const seconds = past === undefined ? status.uptimeSeconds : (status.atMs - past.atMs) / 1_000;
    // A proxy of an older version does not say whose its requests are.
    if (seconds <= 0 || status.sources === undefined) continue;
    let known = 0;
    const pastSources = new Map(past?.sources?.map((each) => [each.namespace, each]));
    for (const source of status.sources) {
      const was: SourceStatus | undefined = pastSources.get(source.namespace);
      const requests = grown(source.requests, was?.requests);
      const sum = of(source.namespace);
      sum.channels += source.channels;
      sum.requestsFromPerSecond += requests / seconds;
      sum.throttledPerSecond += grown(source.throttledSeconds, was?.throttledSeconds) / seconds;
      known += requests;
    }
    const pastServices = new Map(past?.services.map((each) => [each.name, each]));
    const all = status.services.reduce(
      (total, { name, requests }) => total + grown(requests, pastServices.get(name)?.requests),
      0,
    );
    unknown += Math.max(all - known, 0) / seconds;
  }
  if (unknown > LEAST_UNKNOWN_PER_SECOND) of(UNKNOWN).requestsFromPerSecond += unknown;
  return [...sums.values()].sort(
    (a, b) =>
      b.channels - a.channels ||
      b.requestsFromPerSecond + b.requestsToPerSecond - a.requestsFromPerSecond - a.requestsToPerSecond ||
      (a.name < b.name ? -1 : 1),
  );
}

const NOTHING: Omit<NamespaceRate, "name"> = {
  pods: 0,
  channels: 0,
  requestsFromPerSecond: 0,
  throttledPerSecond: 0,
  requestsToPerSecond: 0,
  upstreamConnections: 0,
  spliced: 0,
  bypassed: 0,
};
