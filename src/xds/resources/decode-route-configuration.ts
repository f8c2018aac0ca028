import { fromBinary } from "@bufbuild/protobuf";
import type { RouteConfiguration } from "../generated/envoy/config/route/v3/route_pb.js";
import { RouteConfigurationSchema } from "../generated/envoy/config/route/v3/route_pb.js";
import { decodeRoute } from "./decode-route.ts";
import type { Decoded } from "./resource-problem.ts";
import { decodeGuarded, ResourceProblem } from "./resource-problem.ts";
import type { HostRoute, RouteConfigurationResource, VirtualHost } from "./xds-resource.ts";

/** Decodes an envoy.config.route.v3.RouteConfiguration as gRPC understands it. */
export function decodeRouteConfiguration(octets: Uint8Array): Decoded<RouteConfigurationResource> {
  return decodeGuarded("RouteConfiguration", () =>
    readRouteConfiguration(fromBinary(RouteConfigurationSchema, octets), ""),
  );
}

/** @param path where it is, ending in a dot, or "". @throws ResourceProblem */
export function readRouteConfiguration(
  message: RouteConfiguration,
  path: string,
): RouteConfigurationResource {
  const virtualHosts = message.virtualHosts.map((host, index): VirtualHost => {
    const at = `${path}virtual_hosts[${index}]`;
    if (host.domains.length === 0) throw new ResourceProblem(`${at}.domains`, "none", "at least one");
    const routes: HostRoute[] = [];
    const levels = [
      { path: at, mutations: host },
      { path: path.slice(0, -1) || "route_configuration", mutations: message },
    ];
    for (const [place, route] of host.routes.entries()) {
      const name = `${message.name}/${host.name}/${route.name || place}`;
      const decoded = decodeRoute(route, {
        path: `${at}.routes[${place}]`,
        name,
        retryPolicy: host.retryPolicy,
        levels,
      });
      if (decoded !== undefined) routes.push(decoded);
    }
    return { name: host.name, domains: host.domains.map((domain) => domain.toLowerCase()), routes };
  });
  return { name: message.name, virtualHosts };
}
