import type { ClusterConfig, Config } from "./config.ts";
import { describeFound } from "./config-problem.ts";
import type { CrossFinding } from "./cross-finding.ts";

/** Checks what the keys about places, load and the fleet ask of each other. */
export function checkBalancing(config: Config): CrossFinding[] {
  return [
    ...checkPlace(config.node, ["node"]),
    ...checkFleet(config),
    ...config.clusters.flatMap((cluster, index) => [
      ...checkRatios(cluster, ["clusters", index, "loadBalancer", "locality"]),
      ...checkSubset(cluster, config, ["clusters", index, "loadBalancer", "subset"]),
      ...(cluster.endpoints ?? []).flatMap((endpoint, position) =>
        checkPlace(endpoint, ["clusters", index, "endpoints", position]),
      ),
    ]),
  ];
}

function checkPlace(
  { zone, region }: { readonly zone: string; readonly region: string },
  path: readonly PropertyKey[],
): CrossFinding[] {
  if (region === "" || zone !== "") return [];
  return [
    {
      path: [...path, "zone"],
      found: `no zone, in region ${describeFound(region)}`,
      wanted: "the name of a zone",
      advice: "name the zone, or leave the region out",
    },
  ];
}

function checkRatios({ loadBalancer }: ClusterConfig, path: readonly PropertyKey[]): CrossFinding[] {
  const { lowLoadRatio, highLoadRatio } = loadBalancer.locality;
  if (lowLoadRatio < highLoadRatio) return [];
  return [
    {
      path: [...path, "lowLoadRatio"],
      found: String(lowLoadRatio),
      wanted: `less than highLoadRatio (${highLoadRatio})`,
      advice: "between the two nothing moves; without such a band load would go to and fro",
    },
  ];
}

function checkFleet({ fleet }: Config): CrossFinding[] {
  if (fleet === undefined) return [];
  const findings: CrossFinding[] = [];
  const { nodeIndex, nodeCount, zoneIndex, zoneCount } = fleet;
  const below = (key: string, index: number, countKey: string, count: number): void => {
    if (index < count) return;
    const wanted = `less than fleet.${countKey} (${count})`;
    findings.push({ path: ["fleet", key], found: String(index), wanted, advice: "indexes begin at 0" });
  };
  below("nodeIndex", nodeIndex, "nodeCount", nodeCount);
  if (zoneIndex !== undefined && zoneCount !== undefined)
    below("zoneIndex", zoneIndex, "zoneCount", zoneCount);
  if ((zoneIndex === undefined) !== (zoneCount === undefined)) {
    findings.push({
      path: ["fleet", zoneIndex === undefined ? "zoneIndex" : "zoneCount"],
      found: "nothing",
      wanted: "zoneIndex and zoneCount, or none of them",
      advice: "give this proxy's place among those of its zone, and how many they are",
    });
  }
  if (zoneCount !== undefined && zoneCount > nodeCount) {
    findings.push({
      path: ["fleet", "zoneCount"],
      found: String(zoneCount),
      wanted: `at most fleet.nodeCount (${nodeCount})`,
      advice: "a zone's proxies are part of the fleet",
    });
  }
  return findings;
}

/** Proxies of other zones use a zone's endpoints otherwise than its own do: places in the whole fleet would leave gaps. */
function checkSubset(
  { loadBalancer }: ClusterConfig,
  { fleet, node }: Config,
  path: readonly PropertyKey[],
): CrossFinding[] {
  const { subset, locality } = loadBalancer;
  // What stays on its node has nobody to share with.
  const isZonal = node.zone !== "" && !["none", "OnlySameNode"].includes(locality.distribution);
  if (!subset.enabled || fleet === undefined || !isZonal || fleet.zoneIndex !== undefined) return [];
  return [
    {
      path: [...path, "enabled"],
      found: "subsets of near endpoints, and no fleet.zoneIndex",
      wanted: "fleet.zoneIndex and fleet.zoneCount",
      advice: "add them, or set locality.distribution: none",
    },
  ];
}
