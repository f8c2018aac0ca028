import { stringify } from "yaml";

/** What the demo's proxy is told. */
export interface ProxyConfig {
  readonly port: number;
  readonly adminPort: number;
  /** Of the control plane. */
  readonly xdsPort: number;
}

/**
 * @returns the configuration as YAML. The node names no zone: with one, its proxy would prefer the backends there,
 * and the demo wants to show how evenly all of them are used.
 */
export function proxyConfigYaml({ port, adminPort, xdsPort }: ProxyConfig): string {
  return stringify({
    node: { id: "demo" },
    admin: { address: `127.0.0.1:${adminPort}` },
    listeners: [{ name: "local", address: `127.0.0.1:${port}` }],
    controlPlane: { addresses: [`127.0.0.1:${xdsPort}`], insecure: true },
  });
}
