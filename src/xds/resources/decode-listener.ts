import { fromBinary } from "@bufbuild/protobuf";
import { ListenerSchema } from "../generated/envoy/config/listener/v3/listener_pb.js";
import { HttpConnectionManagerSchema } from "../generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { readRouteConfiguration } from "./decode-route-configuration.ts";
import type { Decoded } from "./resource-problem.ts";
import { decodeGuarded, ResourceProblem } from "./resource-problem.ts";
import type { ListenerResource } from "./xds-resource.ts";

const MANAGER_TYPE =
  "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/**
 * Decodes an envoy.config.listener.v3.Listener as gRPC clients get it: an ApiListener with an HttpConnectionManager that names its
 * RouteConfiguration or has it within. HTTP filters are the business of clients that have filters. Source: gRFC A27.
 */
export function decodeListener(octets: Uint8Array): Decoded<ListenerResource> {
  return decodeGuarded("Listener", () => {
    const { name, apiListener } = fromBinary(ListenerSchema, octets);
    const any = apiListener?.apiListener;
    if (any === undefined) {
      throw new ResourceProblem(
        "api_listener",
        "none",
        "one with an HttpConnectionManager, as gRPC clients get it",
      );
    }
    if (any.typeUrl !== MANAGER_TYPE) {
      throw new ResourceProblem(
        "api_listener.api_listener",
        any.typeUrl || "no type",
        "an HttpConnectionManager",
      );
    }
    const { routeSpecifier } = fromBinary(HttpConnectionManagerSchema, any.value);
    if (routeSpecifier.case === "routeConfig") {
      const routeConfiguration = readRouteConfiguration(routeSpecifier.value, "route_config.");
      return { name, routeConfigurationName: "", routeConfiguration };
    }
    const routeConfigurationName = routeSpecifier.case === "rds" ? routeSpecifier.value.routeConfigName : "";
    if (routeConfigurationName === "") {
      throw new ResourceProblem(
        "api_listener.rds.route_config_name",
        "none",
        "rds with a name, or route_config",
      );
    }
    return { name, routeConfigurationName, routeConfiguration: undefined };
  });
}
