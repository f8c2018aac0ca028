import { CLUSTER_DEFAULTS } from "../../src/resource/cluster.ts";
import type { ClusterSettings } from "../../src/resource/cluster-settings.ts";
import type { Endpoint } from "../../src/resource/endpoint.ts";
import { ENDPOINT_DEFAULTS, endpointKey } from "../../src/resource/endpoint.ts";
import type { ServiceModel } from "../../src/resource/service.ts";

/** A service of many endpoints, all of them on loopback and on one port, in one of its versions. */
export interface ServedService {
  readonly name: string;
  readonly endpoints: number;
  /** Number of the service's first address: those of two services are not to overlap. */
  readonly firstAddress: number;
  readonly port: number;
  /** How far apart an endpoint's former addresses and the next are, where the number of endpoints changes; default: their number. */
  readonly addressSpan?: number;
  /** By endpoint: how often it was replaced by another pod at another address; default: never. */
  readonly replaced?: Readonly<Record<number, number>>;
  /** Endpoints, by number, that discovery calls sick; default: none. */
  readonly unhealthy?: readonly number[];
  /** Every so many endpoints are in another zone; 0 for all in one. */
  readonly zones: number;
  readonly settings?: ClusterSettings;
}

/** Loopback addresses from 127.1.0.1 on, 254 of each 256. */
export function loopbackAddress(number: number): string {
  const block = Math.floor(number / 254);
  return `127.${1 + (block >> 8)}.${block & 255}.${1 + (number % 254)}`;
}

/** @returns the model of the service, as a control plane has it of Kubernetes: endpoints with UID, node, zone and region. */
export function serviceModel(service: ServedService): ServiceModel {
  const { name, endpoints, settings } = service;
  const list = Array.from({ length: endpoints }, (_, n) => endpointOf(service, n));
  const cluster = { name, ...CLUSTER_DEFAULTS, ...(settings && { settings }), endpoints: list };
  return { name, authorities: [name], routes: [], cluster, deliberate: true };
}

function endpointOf(service: ServedService, number: number): Endpoint {
  const { name, endpoints, firstAddress, port, zones, addressSpan = endpoints } = service;
  const round = service.replaced?.[number] ?? 0;
  const place = firstAddress + number + round * addressSpan;
  const uid = `${place.toString(16).padStart(8, "0")}-5a4b-4c3d-8e9f-${(number * 7919).toString(16).padStart(12, "0")}`;
  return {
    ...ENDPOINT_DEFAULTS,
    key: endpointKey(name, uid, port),
    address: loopbackAddress(place),
    port,
    zone: `zone-${zones === 0 ? "a" : "abc"[number % Math.min(zones, 3)]}`,
    region: "region-1",
    node: `ip-10-0-${(number >> 3) & 255}-${number & 255}.eu-central-1.compute.internal`,
    health: service.unhealthy?.includes(number) ? "unhealthy" : "healthy",
  };
}
