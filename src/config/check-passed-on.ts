import type { Config } from "./config.ts";
import { describeFound } from "./config-problem.ts";
import type { CrossFinding } from "./cross-finding.ts";

/**
 * Finds routes for what is passed on as a whole connection, to which no route can apply: clusters of `tcp`, and what comes by listeners
 * of `tcp` and `tls` that have a cluster. Warnings: requests that come by other ways may still be theirs. Suffixes are not looked at,
 * because they are meant for whatever they catch.
 */
export function checkPassedOn({ routes = [], clusters, listeners }: Config): CrossFinding[] {
  const findings: CrossFinding[] = [];
  const tcp = new Set(
    clusters.filter(({ protocol }) => protocol === "tcp").map(({ name }) => name.toLowerCase()),
  );
  const check = (name: string, path: readonly PropertyKey[]): void => {
    if (!tcp.has(name.toLowerCase())) return;
    findings.push({
      path,
      found: `${describeFound(name)}, a cluster of protocol tcp: its connections are passed on whole, and no route is asked`,
      wanted: "a cluster of protocol http2 or http1",
      advice: "set the cluster's protocol, or remove it from the route",
    });
  };
  for (const [index, { authorities, clusters: sides }] of routes.entries()) {
    for (const [i, authority] of authorities.entries()) check(authority, ["routes", index, "authorities", i]);
    for (const [i, { name }] of sides.entries()) check(name, ["routes", index, "clusters", i, "name"]);
  }
  const routed = new Set(routes.flatMap(({ authorities }) => authorities.map((name) => name.toLowerCase())));
  for (const [index, { protocol, cluster }] of listeners.entries()) {
    if ((protocol !== "tcp" && protocol !== "tls") || cluster === undefined) continue;
    if (!routed.has(cluster.toLowerCase())) continue;
    findings.push({
      path: ["listeners", index, "protocol"],
      found: `${protocol}: connections are passed on whole, and the routes for ${describeFound(cluster)} are not asked`,
      wanted: "auto, http2 or http1 where routes are to apply",
      advice:
        "clients that bring TLS of their own cannot be routed by request; nothing is to be done if that is known",
    });
  }
  return findings;
}
