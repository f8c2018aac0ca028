import { ENDPOINT_SLICES } from "../../kube/objects/endpoint-slice-object.ts";
import { SERVICES } from "../../kube/objects/service-object.ts";
import { resourcePath } from "../../kube/resource-kind.ts";
import { ClusterAccess } from "../cluster/cluster-access.ts";
import type { KnownService } from "./observe-node.ts";

/** How to reach the API server that names Services. */
export interface NamingFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
}

/** Services by each `address:port` that connections to them may have been opened to. */
export interface KnownServices {
  readonly byAddress: ReadonlyMap<string, KnownService>;
  /** What the rights did not reach. */
  readonly notes: readonly string[];
}

/** @returns what the API server has, of one namespace where one is named. @throws ExitError where it cannot be asked. */
export async function knownServices(flags: NamingFlags): Promise<KnownServices> {
  const access = ClusterAccess.open({
    ...flags,
    admin: [],
    systemNamespace: "isobar-system",
    output: "json",
  });
  try {
    const services = (await access.list(resourcePath(SERVICES, flags.namespace))) ?? [];
    const slices = (await access.list(resourcePath(ENDPOINT_SLICES, flags.namespace))) ?? [];
    const endpointsOf = new Map<string, Map<string, string[]>>();
    for (const raw of slices) {
      const slice = ENDPOINT_SLICES.decode(raw);
      const key = `${slice.namespace}/${slice.service}`;
      const byPort = endpointsOf.get(key) ?? new Map<string, string[]>();
      endpointsOf.set(key, byPort);
      for (const { name, port, protocol } of slice.ports) {
        if (protocol !== "TCP") continue;
        const all = byPort.get(name) ?? [];
        byPort.set(name, all);
        for (const each of slice.endpoints)
          if (each.readiness === "ready") all.push(joined(each.address, port));
      }
    }
    const byAddress = new Map<string, KnownService>();
    for (const raw of services) {
      const { namespace, name, clusterIps, ports } = SERVICES.decode(raw);
      const isHeadless = clusterIps.length === 0;
      for (const port of ports) {
        const endpoints = endpointsOf.get(`${namespace}/${name}`)?.get(port.name) ?? [];
        const known = { name: `${namespace}/${name}`, endpoints, isHeadless };
        for (const ip of clusterIps) byAddress.set(joined(ip, port.port), known);
        // A client that goes to endpoints itself, as those of headless Services do.
        for (const each of endpoints) if (isHeadless || !byAddress.has(each)) byAddress.set(each, known);
      }
    }
    return { byAddress, notes: access.notes };
  } finally {
    await access.close();
  }
}

function joined(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
