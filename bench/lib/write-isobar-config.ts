import { mkdirSync, writeFileSync } from "node:fs";
import { places } from "./places.ts";

/** What differs from a plain configuration: whole lines of YAML. */
export interface ConfigExtras {
  /** Top-level sections. */
  sections?: readonly string[];
  /** Keys of the listener, beside its name and address. */
  listener?: readonly string[];
  /** Keys of the cluster, beside its name, `loadBalancer` and endpoints. */
  cluster?: readonly string[];
  /** What `loadBalancer` is, in flow style; default: the policy alone. */
  loadBalancer?: string;
  /** Ports of further endpoints, in another zone. */
  farBackends?: readonly number[];
  /** False leaves the metrics listener out. */
  metrics?: boolean;
}

/** Writes a configuration with shipped defaults and metrics on; returns the file's path. */
export function writeIsobarConfig(
  name: string,
  port: number,
  backends: readonly number[],
  extras: ConfigExtras = {},
): string {
  // Another instance has admin and metrics ports of its own.
  const shift = port - places.ports.isobar;
  const file = `${places.built}/${name}.yaml`;
  const lines = [
    "node: { id: bench, zone: zone-a }",
    `admin: { address: 127.0.0.1:${places.ports.isobarAdmin + shift * 2} }`,
    ...(extras.metrics === false
      ? []
      : [`metrics: { address: 127.0.0.1:${places.ports.isobarMetrics + shift * 2} }`]),
    ...(extras.sections ?? []),
    "listeners:",
    "  - name: local",
    `    address: 127.0.0.1:${port}`,
    ...(extras.listener ?? []).map((line) => `    ${line}`),
    "clusters:",
    `  - name: ${places.authority}`,
    `    loadBalancer: ${extras.loadBalancer ?? "{ policy: least_request }"}`,
    ...(extras.cluster ?? []).map((line) => `    ${line}`),
    "    endpoints:",
    ...backends.map((backend) => endpoint(backend, "zone-a")),
    ...(extras.farBackends ?? []).map((backend) => endpoint(backend, "zone-b")),
  ];
  mkdirSync(places.built, { recursive: true });
  writeFileSync(file, `${lines.join("\n")}\n`);
  return file;
}

function endpoint(port: number, zone: string): string {
  return `      - { address: 127.0.0.1:${port}, zone: ${zone} }`;
}
