import type { EndpointSliceObject } from "../kube/objects/endpoint-slice-object.ts";
import type { ServiceObject, ServicePort } from "../kube/objects/service-object.ts";
import type { ServiceAccess } from "../resource/access/access-policy.ts";
import type { Cluster } from "../resource/cluster.ts";
import { CLUSTER_DEFAULTS } from "../resource/cluster.ts";
import { CLUSTER_SETTINGS_DEFAULTS } from "../resource/cluster-settings.ts";
import type { LoadBalancing } from "../resource/load-balancing.ts";
import { LOAD_BALANCING_DEFAULTS } from "../resource/load-balancing.ts";
import type { ChangeCause, ServiceModel } from "../resource/service.ts";
import { portProtocol } from "./port-protocol.ts";
import type { Problem } from "./problem.ts";
import { canonicalName, serviceAuthorities } from "./service-authorities.ts";
import type { Surroundings } from "./service-endpoints.ts";
import { serviceEndpoints } from "./service-endpoints.ts";
import type { ServiceOverrides } from "./service-overrides.ts";
import { mergeOverrides } from "./service-overrides.ts";
import type { AttachedRoute } from "./service-routes.ts";
import { serviceRoutes } from "./service-routes.ts";

/** What a service is made of beside its Service. */
export interface ServiceParts {
  readonly slices: readonly EndpointSliceObject[];
  readonly around: Surroundings;
  /** What annotations and policies say. */
  readonly overrides: ServiceOverrides;
  /** What NetworkPolicies say of the endpoints of a port. */
  readonly accessOf: (port: ServicePort) => ServiceAccess | null;
  readonly attachedTo: (port: number) => readonly AttachedRoute[];
  /** The cluster's DNS domain, `cluster.local`. */
  readonly domain: string;
  readonly cause: ChangeCause | undefined;
  /** Whether it is one with its like in other clusters. */
  readonly global: boolean;
}

/** @returns one service for each TCP port of a Service. @param problems takes what is wrong with Pods' labels. */
export function serviceModels(
  service: ServiceObject,
  parts: ServiceParts,
  problems: Problem[],
): ServiceModel[] {
  if (service.type === "ExternalName") return [];
  return service.ports
    .filter(({ protocol, port }) => protocol === "TCP" && port > 0)
    .map((port) => serviceModel(service, port, parts, problems));
}

function serviceModel(
  service: ServiceObject,
  port: ServicePort,
  { slices, around, overrides, accessOf, attachedTo, domain, cause, global }: ServiceParts,
  problems: Problem[],
): ServiceModel {
  const name = canonicalName(service, port.port).toLowerCase();
  const authorities = serviceAuthorities(service, port, domain);
  const merged = mergeOverrides(saidByService(service, port, slices), overrides);
  const { loadBalancing, settings, cluster, endpointLabels = [], weightLabel = "", slo } = merged;
  const fields = { labels: endpointLabels, weightLabel };
  const made: Cluster = {
    ...CLUSTER_DEFAULTS,
    ...cluster,
    name,
    settings: {
      ...CLUSTER_SETTINGS_DEFAULTS,
      ...settings,
      loadBalancing: { ...LOAD_BALANCING_DEFAULTS, ...loadBalancing },
      access: accessOf(port),
    },
    endpoints: serviceEndpoints(name, service, port, slices, around, fields, problems),
  };
  const attached = attachedTo(port.port);
  const routes = serviceRoutes(attached, authorities, `${service.namespace}.${service.name}.${port.port}`);
  // Who attaches routes says what is served.
  const only = attached.length > 0 ? { routesOnly: true } : {};
  const said = {
    ...only,
    ...(global ? { global } : {}),
    ...(slo === undefined ? {} : { slo }),
    ...(cause === undefined ? {} : { cause }),
  };
  return { name, authorities, cluster: made, routes, ...said };
}

/** What the Service's own fields say. */
function saidByService(
  service: ServiceObject,
  port: ServicePort,
  slices: readonly EndpointSliceObject[],
): ServiceOverrides {
  const inSlices = slices.flatMap(({ ports }) => ports).find(({ name }) => name === port.name);
  const loadBalancing: { -readonly [Key in keyof LoadBalancing]?: LoadBalancing[Key] } = {};
  const { locality } = LOAD_BALANCING_DEFAULTS;
  if (service.internalTrafficLocal) {
    loadBalancing.locality = { ...locality, distribution: "OnlySameNode" };
  } else if (service.trafficDistribution === "PreferSameNode") {
    loadBalancing.locality = { ...locality, distribution: "PreferSameNode" };
  } else if (service.trafficDistribution !== "" || service.topologyAuto) {
    loadBalancing.locality = { ...locality, distribution: "PreferSameZone" };
  }
  if (service.clientIpAffinity) {
    loadBalancing.policy = "ring_hash";
    loadBalancing.hash = { ...LOAD_BALANCING_DEFAULTS.hash, keys: [{ kind: "source" }] };
  }
  return { loadBalancing, cluster: { protocol: portProtocol(port, inSlices?.appProtocol) } };
}
