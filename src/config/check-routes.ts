import type { Config } from "./config.ts";
import { groupDigits } from "./config-fields.ts";
import { describeFound, formatConfigPath } from "./config-problem.ts";
import type { CrossFinding } from "./cross-finding.ts";

type RouteConfig = NonNullable<Config["routes"]>[number];

const MAX_ROUTES = 1_000;
const MAX_HEADER_NAMES = 256;
/** What copies under way may hold of the octet budget, worst come to worst. */
const MIRROR_SHARE = 0.25;

/** Checks what the routes say about clusters, each other and the memory there is. */
export function checkRoutes(config: Config): CrossFinding[] {
  const routes = config.routes ?? [];
  const clusters = new Set(config.clusters.map(({ name }) => name.toLowerCase()));
  return [
    ...checkCounts(routes),
    ...routes.flatMap((route, index) => [
      ...checkName(routes, index),
      ...checkClusters(route, ["routes", index], clusters),
      ...checkMirror(route, ["routes", index, "mirror"], config.memory.budgetOctets),
    ]),
  ];
}

function checkCounts(routes: readonly RouteConfig[]): CrossFinding[] {
  const findings: CrossFinding[] = [];
  if (routes.length > MAX_ROUTES) {
    findings.push({
      path: ["routes"],
      found: groupDigits(routes.length),
      wanted: `at most ${groupDigits(MAX_ROUTES)} routes`,
      advice: "several matches may share a route",
    });
  }
  const names = new Set(routes.flatMap(headerNames));
  if (names.size > MAX_HEADER_NAMES) {
    findings.push({
      path: ["routes"],
      found: groupDigits(names.size),
      wanted: `at most ${MAX_HEADER_NAMES} different header names in all routes together`,
      advice: "match on values of fewer headers",
    });
  }
  return findings;
}

function headerNames({ matches, sticky, endpoints, requestHeaders, responseHeaders }: RouteConfig): string[] {
  const names = [
    ...matches.flatMap(({ headers }) => headers.map(({ name }) => name)),
    ...(sticky?.header === undefined ? [] : [sticky.header]),
    ...Object.values(endpoints?.labelsFromHeaders ?? {}),
    ...[requestHeaders, responseHeaders].flatMap((changes) => [
      ...(changes?.remove ?? []),
      ...Object.keys(changes?.set ?? {}),
    ]),
  ];
  return names.map((name) => name.toLowerCase());
}

function checkName(routes: readonly RouteConfig[], index: number): CrossFinding[] {
  const { name } = routes[index]!;
  const earlier = routes.findIndex((route) => route.name === name);
  if (earlier === index) return [];
  return [
    {
      path: ["routes", index, "name"],
      found: describeFound(name),
      wanted: `another name than ${formatConfigPath(["routes", earlier, "name"])}`,
      advice: "remove or change one of the two",
    },
  ];
}

function checkClusters(
  { clusters, sticky, mirror }: RouteConfig,
  path: readonly PropertyKey[],
  known: ReadonlySet<string>,
): CrossFinding[] {
  const findings: CrossFinding[] = [];
  const check = (name: string, at: readonly PropertyKey[]): void => {
    if (known.has(name.toLowerCase())) return;
    const advice = "add it to clusters, or correct the name";
    findings.push({
      path: at,
      found: describeFound(name),
      wanted: "the name of a cluster of this file",
      advice,
    });
  };
  for (const [i, { name }] of clusters.entries()) {
    check(name, [...path, "clusters", i, "name"]);
    const earlier = clusters.findIndex((other) => other.name.toLowerCase() === name.toLowerCase());
    if (earlier === i) continue;
    const wanted = `another cluster than ${formatConfigPath([...path, "clusters", earlier])}`;
    findings.push({
      path: [...path, "clusters", i, "name"],
      found: describeFound(name),
      wanted,
      advice: "add the weights of the two",
    });
  }
  if (clusters.length > 0 && clusters.every(({ weight }) => weight === 0)) {
    findings.push({
      path: [...path, "clusters"],
      found: "weight 0 for all",
      wanted: "a weight above 0 for at least one",
      advice: "remove the route if nothing is to go there",
    });
  }
  if (sticky !== undefined && clusters.length < 2) {
    findings.push({
      path: [...path, "sticky"],
      found: "sticky without a split",
      wanted: "at least two clusters",
      advice: "to keep a caller on one endpoint use loadBalancer.hash of the cluster",
    });
  }
  if (mirror !== undefined) {
    check(mirror.cluster, [...path, "mirror", "cluster"]);
  }
  return findings;
}

function checkMirror(
  { mirror }: RouteConfig,
  path: readonly PropertyKey[],
  budgetOctets: number,
): CrossFinding[] {
  if (mirror === undefined) return [];
  const octets = mirror.maxRequests * mirror.maxBodyOctets;
  const most = Math.floor(budgetOctets * MIRROR_SHARE);
  if (octets <= most) return [];
  return [
    {
      path,
      found: `maxRequests × maxBodyOctets = ${groupDigits(octets)} octets`,
      wanted: `at most a quarter of memory.budgetOctets, ${groupDigits(most)}`,
      advice: "lower one of them, or raise the budget",
    },
  ];
}
