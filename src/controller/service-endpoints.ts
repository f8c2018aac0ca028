import { isIpAddress } from "../base/ip-address.ts";
import type { EndpointSliceObject, SliceEndpoint } from "../kube/objects/endpoint-slice-object.ts";
import type { NodeObject } from "../kube/objects/node-object.ts";
import type { PodObject } from "../kube/objects/pod-object.ts";
import type { ServiceObject, ServicePort } from "../kube/objects/service-object.ts";
import { shareLabels } from "../kube/share-text.ts";
import type { Endpoint } from "../resource/endpoint.ts";
import { ENDPOINT_DEFAULTS, endpointKey, MAX_ENDPOINT_WEIGHT } from "../resource/endpoint.ts";
import type { Problem } from "./problem.ts";

/** What is asked about the surroundings of an endpoint. */
export interface Surroundings {
  node(name: string): NodeObject | undefined;
  pod(namespace: string, name: string): PodObject | undefined;
}

/** What is taken from Pods beside what slices say. */
export interface PodFields {
  /** Names of labels that endpoints get. */
  readonly labels: readonly string[];
  /** The label with the weight; "" for none. */
  readonly weightLabel: string;
}

/** An endpoint as one slice has it. */
interface Candidate {
  readonly slice: EndpointSliceObject;
  readonly endpoint: SliceEndpoint;
  readonly port: number;
}

/**
 * Makes one set of endpoints of all slices of a Service, for one of its ports.
 *
 * - The port is that of the slice, by the Service's name for it: targetPort may be another number, and another one on each slice.
 * - An endpoint is who it is, not where: the same Pod on several slices, or in both address families, is one endpoint, as the slice
 *   written last has it, by the Service's first family where it has one there. Two Pods that claim one address cannot both have it: the
 *   slice written last is right.
 * - Ready ones are healthy; those that are leaving and still serve are draining, which is the last resort; others are none.
 *
 * Source: Kubernetes API, discovery/v1, and "EndpointSlices: duplicate endpoints".
 *
 * @param problems takes what is wrong with weights.
 * @returns endpoints in the order of their keys, so that every replica says the same.
 */
export function serviceEndpoints(
  clusterName: string,
  service: ServiceObject,
  port: ServicePort,
  slices: Iterable<EndpointSliceObject>,
  around: Surroundings,
  fields: PodFields,
  problems: Problem[],
): Endpoint[] {
  const byIdentity = new Map<string, Candidate>();
  const family = firstFamily(service);
  for (const slice of slices) {
    if (slice.addressType !== "IPv4" && slice.addressType !== "IPv6") continue;
    for (const slicePort of slice.ports) {
      if (slicePort.name !== port.name || slicePort.protocol !== "TCP" || slicePort.port === 0) continue;
      for (const endpoint of slice.endpoints) {
        if (!isIpAddress(endpoint.address)) continue;
        const identity = `${endpoint.uid || endpoint.address}|${slicePort.port}`;
        const candidate = { slice, endpoint, port: slicePort.port };
        const known = byIdentity.get(identity);
        if (known === undefined || isBetter(candidate, known, family)) byIdentity.set(identity, candidate);
      }
    }
  }
  return [...onePerAddress(withoutSecondFamily([...byIdentity.values()], family))]
    .filter(({ endpoint }) => endpoint.readiness !== "not")
    .map((candidate) => toEndpoint(clusterName, candidate, around, fields, problems))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

function firstFamily({ ipFamilies, clusterIps }: ServiceObject): string {
  return ipFamilies[0] ?? (clusterIps[0]?.includes(":") === true ? "IPv6" : "IPv4");
}

function isBetter(one: Candidate, other: Candidate, family: string): boolean {
  if (one.slice.addressType !== other.slice.addressType) return one.slice.addressType === family;
  return isLater(one.slice.resourceVersion, other.slice.resourceVersion);
}

/** Versions of one API server are numbers in the order of writes. Source: KEP-5504. */
function isLater(one: string, other: string): boolean {
  return one.length === other.length ? one > other : one.length > other.length;
}

/** Without UIDs nobody knows which addresses of two families are one endpoint: the first family counts if it is there at all. */
function withoutSecondFamily(candidates: readonly Candidate[], family: string): readonly Candidate[] {
  const isNameless = ({ endpoint }: Candidate): boolean => endpoint.uid === "";
  if (!candidates.some((each) => isNameless(each) && each.slice.addressType === family)) return candidates;
  return candidates.filter((each) => !isNameless(each) || each.slice.addressType === family);
}

function onePerAddress(candidates: readonly Candidate[]): Iterable<Candidate> {
  const byAddress = new Map<string, Candidate>();
  for (const candidate of candidates) {
    const address = `${candidate.endpoint.address}|${candidate.port}`;
    const known = byAddress.get(address);
    if (known === undefined || isLater(candidate.slice.resourceVersion, known.slice.resourceVersion)) {
      byAddress.set(address, candidate);
    }
  }
  return byAddress.values();
}

function toEndpoint(
  clusterName: string,
  { slice, endpoint, port }: Candidate,
  around: Surroundings,
  { labels, weightLabel }: PodFields,
  problems: Problem[],
): Endpoint {
  const needsPod = endpoint.pod !== "" && (labels.length > 0 || weightLabel !== "");
  const pod = needsPod ? around.pod(slice.namespace, endpoint.pod) : undefined;
  // A Pod of the same name that came after this one is somebody else.
  const podLabels = pod?.uid === endpoint.uid ? pod.labels : ENDPOINT_DEFAULTS.labels;
  const node = endpoint.node === "" ? undefined : around.node(endpoint.node);
  return {
    key: endpointKey(clusterName, endpoint.uid || endpoint.address, port),
    address: endpoint.address,
    port,
    zone: endpoint.zone || (node?.zone ?? ""),
    region: node?.region ?? "",
    node: endpoint.node,
    priority: 0,
    labels: pickLabels(podLabels, labels),
    weight: weightLabel === "" ? 1 : weightOf(podLabels, weightLabel, `Pod ${endpoint.pod}`, problems),
    health: endpoint.readiness === "ready" ? "healthy" : "draining",
  };
}

function pickLabels(
  labels: Readonly<Record<string, string>>,
  names: readonly string[],
): Readonly<Record<string, string>> {
  if (names.length === 0) return ENDPOINT_DEFAULTS.labels;
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = labels[name];
    if (value !== undefined) picked[name] = value;
  }
  return shareLabels(picked);
}

function weightOf(
  labels: Readonly<Record<string, string>>,
  name: string,
  pod: string,
  problems: Problem[],
): number {
  const text = labels[name];
  if (text === undefined) return ENDPOINT_DEFAULTS.weight;
  const weight = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (weight >= 1 && weight <= MAX_ENDPOINT_WEIGHT) return weight;
  problems.push({
    field: `${pod}: metadata.labels[${name}]`,
    text: `found ${JSON.stringify(text)}, wanted a whole number from 1 to ${MAX_ENDPOINT_WEIGHT}; the Pod counts as 1 until it is mended`,
  });
  return ENDPOINT_DEFAULTS.weight;
}
