import { covers } from "../route/route-places.ts";
import type { Config } from "./config.ts";
import { formatConfigPath } from "./config-problem.ts";
import type { CrossFinding } from "./cross-finding.ts";

type RouteConfig = NonNullable<Config["routes"]>[number];
type MatchConfig = RouteConfig["matches"][number];

const ALL: MatchConfig = { headers: [] };

/**
 * Finds routes, and single matches of routes, that no request can come to, because one earlier match has all of theirs. It says nothing
 * of those that only several earlier ones together cover. Warnings: such a configuration works, but not as somebody meant it.
 */
export function checkRouteOrder(routes: readonly RouteConfig[]): CrossFinding[] {
  const findings: CrossFinding[] = [];
  for (const [index, route] of routes.entries()) {
    const matches = matchesOf(route);
    const unreachable = matches.map((match, i) => shadowOf(routes, index, match, matches.slice(0, i)));
    const isWhole = unreachable.every((shadow) => shadow !== undefined);
    for (const [i, shadow] of unreachable.entries()) {
      if (shadow === undefined || (isWhole && i > 0)) continue;
      findings.push({
        path: isWhole ? ["routes", index] : ["routes", index, "matches", i],
        found: `no request it could be for: ${shadow} comes first and takes them all`,
        wanted: isWhole ? "a route that some request comes to" : "a match that some request comes to",
        advice: "move it up, or remove it",
      });
    }
  }
  return findings;
}

function matchesOf({ matches }: RouteConfig): readonly MatchConfig[] {
  return matches.length === 0 ? [ALL] : matches;
}

/** @returns what takes everything that a match of the route could have, if one thing does. */
function shadowOf(
  routes: readonly RouteConfig[],
  index: number,
  match: MatchConfig,
  siblings: readonly MatchConfig[],
): string | undefined {
  const sibling = siblings.findIndex((earlier) => takesAll(earlier, match));
  if (sibling >= 0) return formatConfigPath(["routes", index, "matches", sibling]);
  for (const [i, earlier] of routes.slice(0, index).entries()) {
    const authoritiesCovered = routes[index]!.authorities.every((authority) =>
      earlier.authorities.some((other) => covers(other.toLowerCase(), authority.toLowerCase())),
    );
    if (authoritiesCovered && matchesOf(earlier).some((other) => takesAll(other, match)))
      return formatConfigPath(["routes", i]);
  }
  return undefined;
}

function takesAll(earlier: MatchConfig, later: MatchConfig): boolean {
  const wide = earlier.method ?? earlier.path ?? "";
  const narrow = later.method ?? later.path ?? "";
  const pathCovered =
    wide === "" || wide === narrow || (wide.endsWith("/*") && serviceOf(narrow) === wide.slice(0, -1));
  return (
    pathCovered &&
    earlier.headers.every((condition) => later.headers.some((other) => implies(other, condition)))
  );
}

function serviceOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

type HeaderConfig = MatchConfig["headers"][number];

/** @returns whether `other` holds wherever `one` does. */
function implies(one: HeaderConfig, other: HeaderConfig): boolean {
  if (one.name.toLowerCase() !== other.name.toLowerCase()) return false;
  if (other.present === true) return one.present !== false;
  if (other.present === false) return one.present === false;
  if (other.exact !== undefined) return one.exact === other.exact;
  return (one.exact ?? one.prefix)?.startsWith(other.prefix!) ?? false;
}
