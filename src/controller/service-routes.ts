import type { GrpcRouteObject } from "../kube/objects/grpc-route-object.ts";
import type { Route, RouteMatch } from "../resource/route.ts";
import type { CompiledRule } from "./compile-grpc-route.ts";

/** A GRPCRoute that is attached to a Service, and what it was compiled to. */
export interface AttachedRoute {
  readonly object: GrpcRouteObject;
  readonly rules: readonly CompiledRule[];
}

/** One match of one rule. */
interface Entry {
  readonly attached: AttachedRoute;
  readonly rule: CompiledRule;
  readonly matchIndex: number;
  readonly match: RouteMatch;
}

const ALL: RouteMatch = { path: "", headers: [] };

/**
 * Puts the rules of all routes of a Service into one order: what matches more closely comes first, whatever route it is of.
 *
 * Source: Gateway API, GRPCRouteRule.matches, and GAMMA (GEP-1324).
 *
 * @param authorities of the Service's port.
 * @param suffix tells the port from others in the names of routes.
 */
export function serviceRoutes(
  attached: readonly AttachedRoute[],
  authorities: readonly string[],
  suffix: string,
): Route[] {
  if (attached.length === 0) return [];
  const entries = attached.flatMap((each) =>
    each.rules.flatMap((rule) => {
      const matches = rule.route.matches.length === 0 ? [ALL] : rule.route.matches;
      return matches.map((match, matchIndex): Entry => ({ attached: each, rule, matchIndex, match }));
    }),
  );
  entries.sort(byPrecedence);
  const routes: Route[] = [];
  let last: Entry | undefined;
  for (const entry of entries) {
    const { rule, attached: of, match } = entry;
    if (last?.rule === rule) {
      const route = routes.at(-1)!;
      routes[routes.length - 1] = { ...route, matches: [...route.matches, match] };
    } else {
      const { namespace, name } = of.object;
      const isFirst = entry.matchIndex === 0 ? "" : `-${entry.matchIndex}`;
      const routeName = `${namespace}.${name}.${rule.index}${isFirst}.${suffix}`;
      routes.push({ ...rule.route, name: routeName, authorities, matches: [match] });
    }
    last = entry;
  }
  return routes;
}

function byPrecedence(a: Entry, b: Entry): number {
  return (
    serviceLength(b.match) - serviceLength(a.match) ||
    methodLength(b.match) - methodLength(a.match) ||
    b.match.headers.length - a.match.headers.length ||
    compare(a.attached.object.createdAt, b.attached.object.createdAt) ||
    compare(nameOf(a), nameOf(b)) ||
    a.rule.index - b.rule.index ||
    a.matchIndex - b.matchIndex
  );
}

function serviceLength({ path }: RouteMatch): number {
  return Math.max(0, path.lastIndexOf("/"));
}

function methodLength({ path }: RouteMatch): number {
  return path.endsWith("/*") ? 0 : path.length - serviceLength({ path, headers: [] });
}

function nameOf({ attached }: Entry): string {
  return `${attached.object.namespace}/${attached.object.name}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
