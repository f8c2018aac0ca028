import { mkdirSync, writeFileSync } from "node:fs";
import { places } from "./places.ts";

/** Writes a configuration with shipped defaults and metrics on; returns the file's path. */
export function writeIsobarConfig(name: string, port: number, backends: readonly number[]): string {
  const second = port !== places.ports.isobar ? 10 : 0; // another instance has admin and metrics ports of its own
  const file = `${places.built}/${name}.yaml`;
  const lines = [
    "node: { id: bench, zone: zone-a }",
    `admin: { address: 127.0.0.1:${places.ports.isobarAdmin - second} }`,
    `metrics: { address: 127.0.0.1:${places.ports.isobarMetrics - second} }`,
    "listeners:",
    `  - { name: local, address: 127.0.0.1:${port} }`,
    "clusters:",
    `  - name: ${places.authority}`,
    "    loadBalancer: { policy: least_request }",
    "    endpoints:",
    ...backends.map((backend) => `      - { address: 127.0.0.1:${backend}, zone: zone-a }`),
  ];
  mkdirSync(places.built, { recursive: true });
  writeFileSync(file, `${lines.join("\n")}\n`);
  return file;
}
