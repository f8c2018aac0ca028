import type { Config } from "./config.ts";
import { describeFound, formatConfigPath } from "./config-problem.ts";
import type { CrossFinding } from "./cross-finding.ts";
import type { SocketAddress } from "./socket-address.ts";
import { isLoopback, parseSocketAddress } from "./socket-address.ts";

/** Checks that the clusters listeners name are there, and that no endpoint is the proxy itself. */
export function checkListeners(config: Config): CrossFinding[] {
  return [...config.listeners.flatMap((_, index) => checkListener(config, index)), ...checkLoops(config)];
}

function checkListener(config: Config, index: number): CrossFinding[] {
  const { cluster, protocol } = config.listeners[index]!;
  const path = ["listeners", index];
  if (cluster === undefined) {
    if (protocol !== "tcp") return [];
    return [
      {
        path,
        found: 'protocol "tcp" and no cluster',
        wanted: "a cluster that the connections are for",
        advice: "plain TCP names no service: add cluster, or let protocol be auto",
      },
    ];
  }
  const name = cluster.toLowerCase();
  if (config.clusters.some((each) => each.name.toLowerCase() === name)) return [];
  return [
    {
      path: [...path, "cluster"],
      found: describeFound(cluster),
      wanted: "the name of one of the clusters",
      advice: "write it as the cluster does, with its port",
    },
  ];
}

/** An endpoint at an address of our own would send requests round in a circle, or strangers to the admin server. */
function checkLoops(config: Config): CrossFinding[] {
  const own: { readonly address: SocketAddress; readonly path: readonly PropertyKey[] }[] = [
    { address: parseSocketAddress(config.admin.address)!, path: ["admin", "address"] },
    ...config.listeners.map(({ address }, index) => ({
      address: parseSocketAddress(address)!,
      path: ["listeners", index, "address"],
    })),
  ];
  if (config.metrics !== undefined) {
    own.push({ address: parseSocketAddress(config.metrics.address)!, path: ["metrics", "address"] });
  }
  return config.clusters.flatMap((cluster, index) =>
    (cluster.endpoints ?? []).flatMap((endpoint, position) => {
      const address = parseSocketAddress(endpoint.address)!;
      const self = own.find((each) => leadsTo(address, each.address));
      if (self === undefined) return [];
      return [
        {
          path: ["clusters", index, "endpoints", position, "address"],
          found: describeFound(endpoint.address),
          wanted: `an address other than the proxy's own ${formatConfigPath(self.path)}`,
          advice: "write the backend's address",
        },
      ];
    }),
  );
}

/** Whether who dials `target` may reach what listens on `own`; a wildcard listens on loopback in any case. */
function leadsTo(target: SocketAddress, own: SocketAddress): boolean {
  if (target.kind === "unix" || own.kind === "unix" || own.port === 0 || target.port !== own.port)
    return false;
  if (target.host === own.host) return true;
  const wildcard = own.host === "0.0.0.0" || own.host === "::";
  return wildcard && isLoopback(target);
}
