import { MAX_CLUSTER_SLOTS, MAX_ENDPOINT_SLOTS } from "../resource/slot-registry.ts";
import { checkBalancing } from "./check-balancing.ts";
import { checkCapture } from "./check-capture.ts";
import { checkControlPlane } from "./check-control-plane.ts";
import { checkListeners } from "./check-listeners.ts";
import { checkRequests } from "./check-requests.ts";
import { checkRoutes } from "./check-routes.ts";
import type { ClusterConfig, Config } from "./config.ts";
import { groupDigits } from "./config-fields.ts";
import { describeFound, formatConfigPath } from "./config-problem.ts";
import type { CrossFinding } from "./cross-finding.ts";
import type { SocketAddress } from "./socket-address.ts";
import { addressesCollide, isLoopback, parseSocketAddress } from "./socket-address.ts";

const MIN_WORKER_OCTETS = 1_048_576;

export type { CrossFinding };

/** Checks what no single key can know: names and addresses that collide, keys that exclude each other, limits. */
export function crossCheck(config: Config): CrossFinding[] {
  return [
    ...checkAdmin(config),
    ...checkListenAddresses(config),
    ...checkCapture(config),
    ...checkListeners(config),
    ...checkUnique(
      config.listeners.map((listener, index) => ({ key: listener.name, path: ["listeners", index, "name"] })),
      "another name",
    ),
    ...checkUnique(
      // Hosts of an :authority have no case (RFC 3986 section 3.2.2).
      config.clusters.map(({ name }, index) => ({
        key: name.toLowerCase(),
        path: ["clusters", index, "name"],
      })),
      "another name",
    ),
    ...config.clusters.flatMap(checkCluster),
    ...checkTls(config.controlPlane ?? {}, ["controlPlane", "tls"]),
    ...checkBalancing(config),
    ...checkRequests(config),
    ...checkRoutes(config),
    ...checkControlPlane(config),
    ...checkCounts(config),
    ...checkOverload(config),
    ...checkBudget(config),
  ];
}

function checkAdmin({ admin }: Config): CrossFinding[] {
  if (admin.allowNonLoopback || isLoopback(parseSocketAddress(admin.address)!)) return [];
  return [
    {
      path: ["admin", "address"],
      found: describeFound(admin.address),
      wanted: "a loopback address or a unix socket",
      advice: "use 127.0.0.1, or set admin.allowNonLoopback: true if a firewall keeps strangers out",
    },
  ];
}

function checkListenAddresses(config: Config): CrossFinding[] {
  const all: {
    readonly path: readonly PropertyKey[];
    readonly text: string;
    readonly address: SocketAddress;
  }[] = [];
  const add = (path: readonly PropertyKey[], text: string): void => {
    all.push({ path, text, address: parseSocketAddress(text)! });
  };
  add(["admin", "address"], config.admin.address);
  if (config.metrics !== undefined) add(["metrics", "address"], config.metrics.address);
  for (const [index, listener] of config.listeners.entries())
    add(["listeners", index, "address"], listener.address);
  return all.flatMap((later, index) => {
    const earlier = all.slice(0, index).find((other) => addressesCollide(other.address, later.address));
    if (earlier === undefined) return [];
    return [
      {
        path: later.path,
        found: describeFound(later.text),
        wanted: `an address that ${formatConfigPath(earlier.path)} (${earlier.text}) leaves free`,
        advice: "choose another port",
      },
    ];
  });
}

function checkUnique(
  items: readonly { readonly key: string; readonly path: readonly PropertyKey[] }[],
  wanted: string,
): CrossFinding[] {
  const seen = new Map<string, readonly PropertyKey[]>();
  const findings: CrossFinding[] = [];
  for (const { key, path } of items) {
    const earlier = seen.get(key);
    if (earlier === undefined) seen.set(key, path);
    else {
      findings.push({
        path,
        found: describeFound(key),
        wanted: `${wanted} than ${formatConfigPath(earlier)}`,
        advice: "remove or change one of the two",
      });
    }
  }
  return findings;
}

function checkCluster(cluster: Config["clusters"][number], index: number): CrossFinding[] {
  return [...checkTls(cluster, ["clusters", index, "tls"]), ...checkEndpoints(cluster, ["clusters", index])];
}

/** Which keys of `tls` go together. What is in the files is checked apart (check-tls-files.ts). */
function checkTls(
  { tls, protocol }: Partial<Pick<ClusterConfig, "tls" | "protocol">>,
  path: readonly PropertyKey[],
): CrossFinding[] {
  if (tls === undefined) return [];
  const findings: CrossFinding[] = [];
  if (protocol === "tcp") {
    findings.push({
      path,
      found: "tls together with protocol: tcp",
      wanted: "http2 or http1",
      advice:
        "tcp connections are passed on as they are, TLS that the client has started included: remove tls",
    });
  }
  for (const key of ["certFile", "keyFile"] as const) {
    const file = tls[key];
    if (tls.mode === "MUTUAL" && file === undefined) {
      const advice = `add ${key}, or set mode: SIMPLE if the endpoints ask for no certificate`;
      findings.push({ path, found: `mode MUTUAL without ${key}`, wanted: "certFile and keyFile", advice });
    }
    if (tls.mode === "SIMPLE" && file !== undefined) {
      const advice = "set mode: MUTUAL to show the certificate to the endpoints, or remove the key";
      findings.push({
        path: [...path, key],
        found: `${key} with mode SIMPLE`,
        wanted: "neither certFile nor keyFile",
        advice,
      });
    }
  }
  return findings;
}

function checkEndpoints(cluster: ClusterConfig, path: readonly PropertyKey[]): CrossFinding[] {
  if (cluster.endpoints === undefined && cluster.dns === undefined) {
    const name = describeFound(cluster.name);
    return [{ path, found: `neither in cluster ${name}`, wanted: "endpoints or dns", advice: "add one" }];
  }
  if (cluster.endpoints !== undefined && cluster.dns !== undefined) {
    return [
      { path: [...path, "dns"], found: "both", wanted: "either endpoints or dns", advice: "remove one" },
    ];
  }
  return checkUnique(
    (cluster.endpoints ?? []).map(({ address }, position) => ({
      key: address,
      path: [...path, "endpoints", position, "address"],
    })),
    "another address",
  );
}

/** Each worker has its own part of the budget, and needs what one alone needs at least. */
function checkBudget({ memory, concurrency }: Config): CrossFinding[] {
  const wantedOctets = concurrency * MIN_WORKER_OCTETS;
  if (memory.budgetOctets >= wantedOctets) return [];
  return [
    {
      path: ["memory", "budgetOctets"],
      found: groupDigits(memory.budgetOctets),
      wanted: `at least ${groupDigits(wantedOctets)}: 1 MiB for each of the ${concurrency} workers of concurrency`,
      advice: "raise it, or lower concurrency",
    },
  ];
}

/** The stages of overload build on each other. */
function checkOverload({ overload }: Config): CrossFinding[] {
  const { stopReadingAtShare, refuseStreamsAtShare, notReadyAtShare } = overload;
  const findings: CrossFinding[] = [];
  if (refuseStreamsAtShare < stopReadingAtShare) {
    findings.push({
      path: ["overload", "refuseStreamsAtShare"],
      found: String(refuseStreamsAtShare),
      wanted: `at least overload.stopReadingAtShare (${stopReadingAtShare})`,
      advice: "the stages follow each other",
    });
  }
  if (notReadyAtShare < refuseStreamsAtShare) {
    findings.push({
      path: ["overload", "notReadyAtShare"],
      found: String(notReadyAtShare),
      wanted: `at least overload.refuseStreamsAtShare (${refuseStreamsAtShare})`,
      advice: "the stages follow each other",
    });
  }
  return findings;
}

/** The slots of the shared counters are allocated once, so there is a most. */
function checkCounts(config: Config): CrossFinding[] {
  const endpoints = config.clusters.reduce((sum, cluster) => sum + (cluster.endpoints?.length ?? 0), 0);
  const advice = "split the services over several proxies";
  const findings: CrossFinding[] = [];
  if (config.clusters.length > MAX_CLUSTER_SLOTS) {
    const found = groupDigits(config.clusters.length);
    findings.push({
      path: ["clusters"],
      found,
      wanted: `at most ${groupDigits(MAX_CLUSTER_SLOTS)} clusters`,
      advice,
    });
  }
  if (endpoints > MAX_ENDPOINT_SLOTS) {
    const wanted = `at most ${groupDigits(MAX_ENDPOINT_SLOTS)} endpoints in all clusters together`;
    findings.push({ path: ["clusters"], found: groupDigits(endpoints), wanted, advice });
  }
  return findings;
}
