import type { ClusterConfig } from "../config/config.ts";
import { parseSocketAddress } from "../config/socket-address.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { Endpoint } from "../resource/endpoint.ts";
import { endpointKey, endpointTransport } from "../resource/endpoint.ts";

/**
 * @param tlsIdentity number of its TLS identity; 0 for clear text.
 * @returns the cluster of a configuration with the endpoints it lists; none when they come from DNS.
 */
export function clusterFromConfig(config: ClusterConfig, tlsIdentity: number): Cluster {
  return clusterWith(
    config,
    tlsIdentity,
    (config.endpoints ?? []).map((endpoint) => {
      const address = parseSocketAddress(endpoint.address);
      if (address?.kind !== "ip") throw new Error(`endpoint ${endpoint.address}: was not checked`);
      return {
        key: endpointKey(config.name, address.host, address.port, endpointTransport(tlsIdentity)),
        address: address.host,
        port: address.port,
        zone: endpoint.zone,
        weight: endpoint.weight,
        health: endpoint.health,
      };
    }),
  );
}

/** @returns the cluster of a configuration with endpoints that DNS named: zone unknown, equal weights. */
export function clusterFromDns(
  config: ClusterConfig,
  tlsIdentity: number,
  port: number,
  addresses: readonly string[],
): Cluster {
  return clusterWith(
    config,
    tlsIdentity,
    addresses.map((address) => ({
      key: endpointKey(config.name, address, port, endpointTransport(tlsIdentity)),
      address,
      port,
      zone: "",
      weight: 1,
      health: "healthy",
    })),
  );
}

function clusterWith(config: ClusterConfig, tlsIdentity: number, endpoints: readonly Endpoint[]): Cluster {
  return {
    name: config.name,
    policy: config.loadBalancer.policy,
    connectTimeoutMs: config.connectTimeoutMs,
    maxConnectionsPerEndpoint: config.maxConnectionsPerEndpoint,
    maxPendingStreams: config.maxPendingStreams,
    protocol: config.protocol,
    h2UpgradePolicy: config.h2UpgradePolicy,
    keepaliveTimeMs: config.keepalive.timeMs,
    keepaliveTimeoutMs: config.keepalive.timeoutMs,
    tlsIdentity,
    endpoints,
  };
}
