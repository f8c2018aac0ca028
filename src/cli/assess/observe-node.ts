import { IpRanges } from "../../base/ip-ranges.ts";
import { OWN_RANGES } from "../cluster/address-clash.ts";
import type { Skew } from "./pods-saved.ts";
import { skewOf } from "./pods-saved.ts";
import type { TrackedConnection } from "./tracked-connections.ts";

/** What names a connection's far end: of an address where a Service is known for it. */
export interface KnownService {
  /** `namespace/name`. */
  readonly name: string;
  /** Endpoints that it has in the cluster. */
  readonly endpoints: readonly string[];
  readonly isHeadless: boolean;
}

/** How clients of one node use a Service. */
export interface ObservedService extends Skew {
  /** `namespace/name:port`, or the address where nobody said its name. */
  readonly service: string;
  /** Open connections of clients of this node. */
  readonly channels: number;
  readonly clients: number;
  /** Of the client that has most. */
  readonly mostPerClient: number;
  /** Endpoints that have at least one of them. */
  readonly used: number;
  /** All it has; null where only those in use are known. */
  readonly endpoints: number | null;
  /** The mode of opting in that would work. */
  readonly bestMode: string;
}

/** What one look at a node shows. */
export interface NodeObservation {
  /** The most uneven first. */
  readonly services: readonly ObservedService[];
  readonly notes: readonly string[];
}

interface Group {
  readonly known: KnownService | undefined;
  readonly byEndpoint: Map<string, number>;
  readonly byClient: Map<string, number>;
}

/**
 * Sorts a node's connections by Service.
 *
 * @param knownAt the Service at an `address:port`, of its own or of an endpoint.
 * @param namespace only Services of this one; undefined all.
 */
export function observeNode(
  connections: readonly TrackedConnection[],
  knownAt: ReadonlyMap<string, KnownService>,
  namespace: string | undefined,
): NodeObservation {
  const own = new IpRanges([...OWN_RANGES]);
  const groups = new Map<string, Group>();
  let captured = 0;
  for (const { client, to, endpoint } of connections) {
    // What the proxy dials, and what it was led to, is balanced already.
    if (own.containsText(hostOf(endpoint)) || own.containsText(client)) {
      captured++;
      continue;
    }
    const known = knownAt.get(to);
    // Whoever is on both ends of a translation by itself is no Service.
    if (known === undefined && to === endpoint) continue;
    if (namespace !== undefined && known?.name.startsWith(`${namespace}/`) !== true) continue;
    const key = known === undefined ? to : `${known.name}:${portOf(to)}`;
    let group = groups.get(key);
    if (group === undefined) {
      group = { known, byEndpoint: new Map(), byClient: new Map() };
      groups.set(key, group);
    }
    group.byEndpoint.set(endpoint, (group.byEndpoint.get(endpoint) ?? 0) + 1);
    group.byClient.set(client, (group.byClient.get(client) ?? 0) + 1);
  }
  const services = [...groups].map(([service, group]) => observed(service, group));
  services.sort((a, b) => b.maxOverMean - a.maxOverMean || b.channels - a.channels);
  return {
    services,
    notes: captured === 0 ? [] : [`${captured} connections that come to or from Isobar`],
  };
}

function observed(service: string, { known, byEndpoint, byClient }: Group): ObservedService {
  const all = new Map((known?.endpoints ?? []).map((endpoint) => [endpoint, 0]));
  for (const [endpoint, count] of byEndpoint) all.set(endpoint, count);
  const loads = [...all.values()];
  let mostPerClient = 0;
  for (const count of byClient.values()) mostPerClient = Math.max(mostPerClient, count);
  return {
    service,
    channels: loads.reduce((sum, load) => sum + load, 0),
    clients: byClient.size,
    mostPerClient,
    used: byEndpoint.size,
    endpoints: known === undefined ? null : all.size,
    ...skewOf(loads),
    bestMode: known?.isHeadless === true ? "address or proxy-env (headless)" : "transparent",
  };
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(":") + 1);
}
