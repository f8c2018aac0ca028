import { create, toBinary } from "@bufbuild/protobuf";
import { ListenerSchema } from "../generated/envoy/config/listener/v3/listener_pb.js";
import { RouterSchema } from "../generated/envoy/extensions/filters/http/router/v3/router_pb.js";
import { HttpConnectionManagerSchema } from "../generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { FROM_THIS_STREAM, pack } from "./pack.ts";

/**
 * Encodes an envoy.config.listener.v3.Listener as gRPC asks for it: one per spelling of an authority, which leads to the routes of
 * the service. It opens no port.
 *
 * @param routeName under which the service's routes are found.
 */
export function encodeListener(authority: string, routeName: string): Uint8Array {
  const connectionManager = pack(HttpConnectionManagerSchema, {
    statPrefix: authority,
    routeSpecifier: {
      case: "rds",
      value: { routeConfigName: routeName, configSource: FROM_THIS_STREAM },
    },
    // Without it gRPC refuses the listener.
    httpFilters: [{ name: "router", configType: { case: "typedConfig", value: pack(RouterSchema, {}) } }],
  });
  const listener = create(ListenerSchema, {
    name: authority,
    apiListener: { apiListener: connectionManager },
  });
  return toBinary(ListenerSchema, listener);
}
