/** Resources as gRPC clients get them, in protobuf's JSON. */

const ADS = { ads: {}, resourceApiVersion: "V3" };
const TYPE = "type.googleapis.com/envoy.extensions.filters";

/** A Listener for an authority. @param routeConfiguration its name, or the whole. */
export function listener(name: string, routeConfiguration: string | object): object {
  const route =
    typeof routeConfiguration === "string"
      ? { rds: { routeConfigName: routeConfiguration, configSource: ADS } }
      : { routeConfig: routeConfiguration };
  return {
    name,
    apiListener: {
      apiListener: {
        "@type": `${TYPE}.network.http_connection_manager.v3.HttpConnectionManager`,
        ...route,
        httpFilters: [{ name: "router", typedConfig: { "@type": `${TYPE}.http.router.v3.Router` } }],
      },
    },
  };
}

/** A RouteConfiguration with one virtual host for every authority. */
export function routeConfiguration(name: string, routes: readonly object[]): object {
  return { name, virtualHosts: [{ name: "all", domains: ["*"], routes }] };
}

/** A route of everything to one cluster. */
export function plainRoute(cluster: string): object {
  return { match: { prefix: "" }, route: { cluster } };
}

export function cluster(name: string, more: object = {}): object {
  return { name, type: "EDS", edsClusterConfig: { edsConfig: ADS }, lbPolicy: "ROUND_ROBIN", ...more };
}

/** Endpoints of one locality. @param ports on 127.0.0.1. */
export function loadAssignment(clusterName: string, ports: readonly number[], zone = "zone-a"): object {
  return {
    clusterName,
    endpoints: [
      {
        locality: { region: "region-a", zone },
        loadBalancingWeight: 1,
        lbEndpoints: ports.map((portValue) => ({
          endpoint: { address: { socketAddress: { address: "127.0.0.1", portValue } } },
          healthStatus: "HEALTHY",
        })),
      },
    ],
  };
}
