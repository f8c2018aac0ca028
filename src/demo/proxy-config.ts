import { renameSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";
import { ECHO_AUTHORITY } from "./echo-service.ts";

/** What the demo's proxy is told. */
export interface ProxyConfig {
  readonly port: number;
  readonly adminPort: number;
  readonly endpoints: readonly { readonly port: number; readonly zone: string }[];
}

/**
 * Writes the proxy's configuration file, whole or not at all: the proxy watches it and may read it at any moment.
 */
export function writeProxyConfig(file: string, config: ProxyConfig): void {
  writeFileSync(`${file}.new`, proxyConfigYaml(config));
  renameSync(`${file}.new`, file);
}

/**
 * @returns the configuration as YAML. The node names no zone: with one, its proxy would prefer the backends there,
 * and the demo wants to show how evenly all of them are used.
 */
export function proxyConfigYaml(config: ProxyConfig): string {
  return stringify({
    node: { id: "demo" },
    admin: { address: `127.0.0.1:${config.adminPort}` },
    listeners: [{ name: "local", address: `127.0.0.1:${config.port}` }],
    clusters: [
      {
        name: ECHO_AUTHORITY,
        loadBalancer: { policy: "least_request" },
        endpoints: config.endpoints.map(({ port, zone }) => ({ address: `127.0.0.1:${port}`, zone })),
      },
    ],
  });
}
