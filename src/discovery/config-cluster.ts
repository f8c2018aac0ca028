import type { ClusterConfig } from "../config/config.ts";
import { parseSocketAddress } from "../config/socket-address.ts";
import type { Cluster } from "../resource/cluster.ts";
import type { Endpoint } from "../resource/endpoint.ts";
import { ENDPOINT_DEFAULTS, endpointKey, endpointTransport } from "../resource/endpoint.ts";
import { poolFromConfig, settingsFromConfig } from "./settings-from-config.ts";

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
        region: endpoint.region,
        node: endpoint.node ?? "",
        priority: endpoint.priority,
        labels: endpoint.labels,
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
      ...ENDPOINT_DEFAULTS,
    })),
  );
}

function clusterWith(config: ClusterConfig, tlsIdentity: number, endpoints: readonly Endpoint[]): Cluster {
  return {
    name: config.name,
    ...poolFromConfig(config),
    maxPendingStreams: config.maxPendingStreams,
    protocol: config.protocol,
    keepaliveTimeMs: config.keepalive.timeMs,
    keepaliveTimeoutMs: config.keepalive.timeoutMs,
    tlsIdentity,
    settings: settingsFromConfig(config),
    endpoints,
  };
}
