import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";
import type { HeaderMatch, Route, RouteMatch } from "../../resource/route.ts";
import type { ServiceModel } from "../../resource/service.ts";
import type {
  RouteActionSchema,
  RouteSchema,
} from "../generated/envoy/config/route/v3/route_components_pb.js";
import { VirtualHostSchema } from "../generated/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "../generated/envoy/config/route/v3/route_pb.js";
import type { ClientKind } from "./client-kind.ts";
import { encodeRouteAction } from "./encode-route-action.ts";
import { ISOBAR_METADATA } from "./type-url.ts";
import { WireWriter } from "./wire-writer.ts";

type RouteInit = MessageInitShape<typeof RouteSchema>;
type ActionInit = MessageInitShape<typeof RouteActionSchema>;
type HostInit = MessageInitShape<typeof VirtualHostSchema>;
type MatchInit = NonNullable<RouteInit["match"]>;

/** The routes that an Envoy's own listener asks for: a virtual host for every service. */
export const ALL_ROUTES = "isobar";

const EVERYTHING: RouteMatch = { path: "", headers: [] };

/**
 * Encodes a service's routes as envoy.config.route.v3.RouteConfiguration of the service's name. A proxy of ours finds each route as JSON in
 * its metadata, and looks at nothing else of it; for the others routes that single out endpoints by labels are left out, because they would be
 * sent to any endpoint.
 */
export function encodeRoutes(service: ServiceModel, kind: ClientKind): Uint8Array {
  // A client that asks for these has already chosen the authority.
  const host = virtualHost(service, kind === "envoy" ? [...service.authorities] : ["*"], kind);
  return encode(service.name, [host]);
}

/** Encodes a service's part of {@link ALL_ROUTES}, an envoy.config.route.v3.VirtualHost. */
export function encodeVirtualHost(service: ServiceModel, kind: ClientKind): Uint8Array {
  const host = create(VirtualHostSchema, virtualHost(service, [...service.authorities], kind));
  return toBinary(VirtualHostSchema, host);
}

/** @returns {@link ALL_ROUTES} of these virtual hosts: thousands of them, of which one has changed. */
export function joinVirtualHosts(hosts: readonly Uint8Array[]): Uint8Array {
  const configuration = new WireWriter().string(1, ALL_ROUTES);
  for (const host of hosts) configuration.octets(2, host);
  return configuration.finish();
}

function encode(name: string, virtualHosts: HostInit[]): Uint8Array {
  return toBinary(RouteConfigurationSchema, create(RouteConfigurationSchema, { name, virtualHosts }));
}

function virtualHost(service: ServiceModel, domains: string[], kind: ClientKind): HostInit {
  const routes =
    kind === "isobar"
      ? service.routes.map((route) => ownRoute(service, route))
      : service.routes
          .filter(({ endpoints }) => endpoints === null)
          .flatMap((route) => standardRoutes(service, route, kind));
  return {
    name: service.name,
    domains,
    // Without a match an Envoy answers 404, which is UNIMPLEMENTED for gRPC; gRPC's own clients fail with UNAVAILABLE.
    routes: service.routesOnly === true ? routes : [...routes, routeOf(service, undefined, EVERYTHING, kind)],
  };
}

function ownRoute(service: ServiceModel, route: Route): RouteInit {
  const { authorities: _authorities, ...asWritten } = route;
  // Who asks for a service by one of its other names knows no cluster of that name.
  const clusters = route.clusters.length > 0 ? route.clusters : [{ name: service.name, weight: 1 }];
  const own = { ...asWritten, clusters };
  const encoded = routeOf(service, route, route.matches[0] ?? EVERYTHING, "isobar");
  encoded.metadata = { filterMetadata: { [ISOBAR_METADATA]: { route: JSON.stringify(own) } } };
  return encoded;
}

/** One for each of its matches. */
function standardRoutes(service: ServiceModel, route: Route, kind: ClientKind): RouteInit[] {
  const matches = route.matches.length === 0 ? [EVERYTHING] : route.matches;
  return matches.map((match) => routeOf(service, route, match, kind));
}

function routeOf(
  service: ServiceModel,
  route: Route | undefined,
  match: RouteMatch,
  kind: ClientKind,
): RouteInit {
  // A proxy of ours has the cluster's settings from the cluster, and its own routes from their metadata.
  const action: ActionInit =
    kind === "isobar" && route === undefined
      ? { clusterSpecifier: { case: "cluster", value: service.name } }
      : encodeRouteAction(service, route, kind);
  const encoded: RouteInit = { match: encodeMatch(match, kind), action: { case: "route", value: action } };
  if (route !== undefined) encoded.name = route.name;
  if (route !== undefined && kind !== "grpc") headerChanges(encoded, route);
  return encoded;
}

function encodeMatch({ path, headers }: RouteMatch, kind: ClientKind): MatchInit {
  const match: MatchInit = {
    pathSpecifier:
      path === ""
        ? { case: "prefix", value: "/" }
        : path.endsWith("/*")
          ? { case: "prefix", value: path.slice(0, -1) }
          : { case: "path", value: path },
  };
  if (headers.length > 0) match.headers = headers.map((each) => encodeHeaderMatch(each, kind));
  return match;
}

function encodeHeaderMatch(
  { name, kind, value }: HeaderMatch,
  client: ClientKind,
): NonNullable<MatchInit["headers"]>[number] {
  switch (kind) {
    case "present":
    case "absent":
      return {
        name,
        headerMatchSpecifier: { case: "presentMatch", value: true },
        invertMatch: kind === "absent",
      };
    default:
      // The older forms are known to gRPC in every language, and deprecated in Envoy.
      return client === "grpc"
        ? { name, headerMatchSpecifier: { case: `${kind}Match`, value } }
        : {
            name,
            headerMatchSpecifier: {
              case: "stringMatch",
              value: { matchPattern: { case: kind, value } },
            },
          };
  }
}

function headerChanges(encoded: RouteInit, { requestHeaders, responseHeaders }: Route): void {
  if (requestHeaders !== null) {
    encoded.requestHeadersToRemove = [...requestHeaders.remove];
    encoded.requestHeadersToAdd = additions(requestHeaders);
  }
  if (responseHeaders !== null) {
    encoded.responseHeadersToRemove = [...responseHeaders.remove];
    encoded.responseHeadersToAdd = additions(responseHeaders);
  }
}

function additions({ set, add }: NonNullable<Route["requestHeaders"]>) {
  // envoy.config.core.v3.HeaderValueOption.HeaderAppendAction
  const [APPEND, OVERWRITE] = [0, 2] as const;
  return [
    ...Object.entries(set).map(([key, value]) => ({ header: { key, value }, appendAction: OVERWRITE })),
    ...Object.entries(add).map(([key, value]) => ({ header: { key, value }, appendAction: APPEND })),
  ];
}
