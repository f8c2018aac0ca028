import { routeSchema } from "../config/routes-schema.ts";
import { schemaProblems } from "../config/schema-problems.ts";
import { routesFromConfig } from "../discovery/routes-from-config.ts";
import type {
  GrpcRouteObject,
  RouteFilter,
  RouteHeaderFilter,
  RouteRule,
  RouteRuleMatch,
} from "../kube/objects/grpc-route-object.ts";
import type { Route } from "../resource/route.ts";
import type { Problem } from "./problem.ts";
import type { BackendResolver } from "./resolve-backend.ts";
import { UNRESOLVED_CLUSTER } from "./resolve-backend.ts";

/** A rule of a GRPCRoute as the proxy has it, before it is known for which authorities. */
export interface CompiledRule {
  /** Its place among the route's rules. */
  readonly index: number;
  /** Without matches it is for all requests; authorities and name are still to come. */
  readonly route: Route;
}

/** What became of a GRPCRoute. */
export interface CompiledGrpcRoute {
  readonly rules: readonly CompiledRule[];
  /** What cannot be done as it stands; then there are no rules. */
  readonly problems: readonly Problem[];
  /** Backends that do not exist or are not permitted; requests for them fail, those for others do not. */
  readonly unresolved: readonly (Problem & { readonly reason: string })[];
}

const NOWHERE = { line: 0, column: 0 };
const POSITIONS = { ofKey: () => NOWHERE, ofValue: () => NOWHERE };

/**
 * Reads the rules of a GRPCRoute. What the proxy cannot do is refused by name, and refuses the route as a whole: half of it would be
 * another route. The rules are put into the words of the proxy's own file, whose checks and reading then apply.
 */
export function compileGrpcRoute(route: GrpcRouteObject, backends: BackendResolver): CompiledGrpcRoute {
  const problems: Problem[] = [];
  const unresolved: (Problem & { readonly reason: string })[] = [];
  const rules: CompiledRule[] = [];
  for (const [index, rule] of route.rules.entries()) {
    const at = `spec.rules[${index}]`;
    const before = problems.length;
    const raw = {
      name: "rule",
      authorities: ["*"],
      matches: (rule.matches ?? []).map((match, i) => matchOf(match, `${at}.matches[${i}]`, problems)),
      clusters: clustersOf(route, rule, at, backends, unresolved, problems),
      ...filtersOf(route, rule.filters ?? [], at, backends, unresolved, problems),
    };
    if (rule.sessionPersistence !== undefined) {
      problems.push({ field: `${at}.sessionPersistence`, text: "is not supported" });
    }
    if (problems.length > before) continue;
    const parsed = routeSchema.safeParse(raw);
    if (parsed.success) rules.push({ index, route: routesFromConfig({ routes: [parsed.data] }).routes[0]! });
    else {
      for (const issue of parsed.error.issues) {
        for (const found of schemaProblems(issue, raw, {
          file: "",
          schema: routeSchema,
          positions: POSITIONS,
        })) {
          problems.push({
            field: `${at}.${found.path}`,
            text: `found ${found.found}, wanted ${found.wanted}`,
          });
        }
      }
    }
  }
  return { rules: problems.length > 0 ? [] : rules, problems, unresolved };
}

function matchOf({ method, headers = [] }: RouteRuleMatch, at: string, problems: Problem[]): object {
  if ((method?.type ?? "Exact") !== "Exact") {
    problems.push({ field: `${at}.method.type`, text: `found ${method?.type}, wanted Exact` });
  }
  if (method?.service === undefined && method?.method !== undefined) {
    problems.push({ field: `${at}.method.service`, text: "found nothing, wanted the service of the method" });
  }
  for (const [i, { type = "Exact" }] of headers.entries()) {
    if (type !== "Exact")
      problems.push({ field: `${at}.headers[${i}].type`, text: `found ${type}, wanted Exact` });
  }
  return {
    ...(method?.service === undefined ? {} : { method: `/${method.service}/${method.method ?? "*"}` }),
    headers: headers.map(({ name, value }) => ({ name, exact: value })),
  };
}

function clustersOf(
  route: GrpcRouteObject,
  { backendRefs = [] }: RouteRule,
  at: string,
  backends: BackendResolver,
  unresolved: (Problem & { readonly reason: string })[],
  problems: Problem[],
): object[] {
  const weights = new Map<string, number>();
  for (const [i, backend] of backendRefs.entries()) {
    const field = `${at}.backendRefs[${i}]`;
    if ((backend.filters ?? []).length > 0) {
      problems.push({ field: `${field}.filters`, text: "is not supported; put the filters into the rule" });
    }
    const resolved = backends.resolve(route, backend);
    if (resolved.reason !== "") unresolved.push({ field, text: resolved.text, reason: resolved.reason });
    weights.set(resolved.cluster, (weights.get(resolved.cluster) ?? 0) + (backend.weight ?? 1));
  }
  const clusters = [...weights]
    .filter(([, weight]) => weight > 0)
    .map(([name, weight]) => ({ name, weight }));
  // Nobody to send to: the requests fail. Source: Gateway API, GRPCRouteRule.backendRefs.
  return clusters.length > 0 ? clusters : [{ name: UNRESOLVED_CLUSTER, weight: 1 }];
}

function filtersOf(
  route: GrpcRouteObject,
  filters: readonly RouteFilter[],
  at: string,
  backends: BackendResolver,
  unresolved: (Problem & { readonly reason: string })[],
  problems: Problem[],
): object {
  const changes: Record<string, object> = {};
  const once = (key: string, field: string, value: object): void => {
    if (changes[key] !== undefined)
      problems.push({ field, text: "found a second one, wanted one of the type" });
    changes[key] = value;
  };
  for (const [i, filter] of filters.entries()) {
    const field = `${at}.filters[${i}]`;
    switch (filter.type) {
      case "RequestHeaderModifier":
        once("requestHeaders", field, headerChanges(filter.requestHeaderModifier ?? {}));
        break;
      case "ResponseHeaderModifier":
        once("responseHeaders", field, headerChanges(filter.responseHeaderModifier ?? {}));
        break;
      case "RequestMirror": {
        const { backendRef, percent, fraction } = filter.requestMirror ?? { backendRef: { name: "" } };
        const resolved = backends.resolve(route, backendRef);
        if (resolved.reason !== "") {
          unresolved.push({
            field: `${field}.requestMirror.backendRef`,
            text: resolved.text,
            reason: resolved.reason,
          });
        }
        const share =
          fraction === undefined ? 100 : (100 * fraction.numerator) / (fraction.denominator ?? 100);
        const rounded = Math.ceil(percent ?? share);
        if (rounded > 0 && resolved.reason === "") {
          once("mirror", field, { cluster: resolved.cluster, percent: rounded });
        }
        break;
      }
      default:
        problems.push({
          field: `${field}.type`,
          text: `found ${filter.type}, wanted RequestHeaderModifier, ResponseHeaderModifier or RequestMirror`,
        });
    }
  }
  return changes;
}

function headerChanges({ set = [], add = [], remove = [] }: RouteHeaderFilter): object {
  const asMapping = (fields: readonly { readonly name: string; readonly value: string }[]): object =>
    Object.fromEntries(fields.map(({ name, value }) => [name, value]));
  return { set: asMapping(set), add: asMapping(add), remove: [...remove] };
}
