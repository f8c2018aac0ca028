import type { RetryOn, RetryPolicy } from "../../resource/retry-policy.ts";
import { RETRY_DEFAULTS, RETRY_ON } from "../../resource/retry-policy.ts";
import type { HeaderMatch, RequestPolicy, RouteMatch, WeightedCluster } from "../../resource/route.ts";
import type {
  HeaderMatcher,
  RetryPolicy as RetryPolicyMessage,
  Route,
  RouteAction,
  RouteMatch as RouteMatchMessage,
} from "../generated/envoy/config/route/v3/route_components_pb.js";
import { decodeDuration } from "./decode-duration.ts";
import { decodeHashPolicy } from "./decode-hash-policy.ts";
import type { MutationLevel } from "./decode-header-changes.ts";
import { decodeHeaderChanges } from "./decode-header-changes.ts";
import { decodeMirror } from "./decode-mirror.ts";
import { decodeOwnRoute, PLAIN_ROUTE } from "./own-route.ts";
import { ResourceProblem } from "./resource-problem.ts";
import { ISOBAR_METADATA } from "./type-url.ts";
import type { HostRoute } from "./xds-resource.ts";

/** Where a route stands. */
export interface RoutePlace {
  /** For messages. */
  readonly path: string;
  readonly name: string;
  /** The virtual host's, for routes that have none of their own. */
  readonly retryPolicy: RetryPolicyMessage | undefined;
  /** What is said about headers around the route, the virtual host first. */
  readonly levels: readonly MutationLevel[];
}

const MAX_ATTEMPTS = 5;
/** Field numbers of RouteMatch that the generated code does not know. */
const QUERY_PARAMETERS = 7;

/**
 * Decodes one route: what gRPC makes of it (gRFC A28, A42, A44), header changes and copies as Envoy has them; or, from a control plane of ours, the route it was made of. What changes where
 * a request goes and is not understood is refused, not passed over.
 *
 * @returns undefined for a route that no call can match.
 */
export function decodeRoute(route: Route, place: RoutePlace): HostRoute | undefined {
  const own = route.metadata?.filterMetadata[ISOBAR_METADATA]?.["route"];
  if (typeof own === "string") return decodeOwnRoute(own, `${place.path}.metadata.isobar.route`);
  if (route.match === undefined) throw new ResourceProblem(`${place.path}.match`, "none", "a match");
  const matches = decodeMatch(route.match, `${place.path}.match`);
  if (matches === undefined) return undefined;
  if (route.action.case !== "route") {
    const found = route.action.case ?? "no action, or one that is not known";
    throw new ResourceProblem(`${place.path}.action`, found, "route: this proxy only forwards");
  }
  const action = route.action.value;
  const clusters = decodeClusters(action, `${place.path}.route`);
  const levels = [{ path: place.path, mutations: route }, ...place.levels];
  const hash = decodeHashPolicy(action.hashPolicy, `${place.path}.route.hash_policy`);
  return {
    ...PLAIN_ROUTE,
    name: place.name,
    matches,
    clusters,
    policy: decodePolicy(action, place),
    requestHeaders: decodeHeaderChanges(levels, "request"),
    responseHeaders: decodeHeaderChanges(levels, "response"),
    mirror: decodeMirror(action.requestMirrorPolicies, `${place.path}.route.request_mirror_policies`),
    ...(hash === undefined ? {} : { hash }),
  };
}

/** @returns none for all requests; undefined when no call can match. */
function decodeMatch(match: RouteMatchMessage, path: string): RouteMatch[] | undefined {
  if (match.$unknown?.some(({ no }) => no === QUERY_PARAMETERS) === true) return undefined;
  if (match.runtimeFraction !== undefined) {
    throw new ResourceProblem(`${path}.runtime_fraction`, "one", "none: use weighted_clusters");
  }
  const { pathSpecifier: specifier } = match;
  let wanted: string;
  if (specifier.case === "path") wanted = specifier.value;
  else if (specifier.case === "prefix" && /^\/?$/.test(specifier.value)) wanted = "";
  else if (specifier.case === "prefix" && /^\/[^/]+\/$/.test(specifier.value)) wanted = `${specifier.value}*`;
  else if (specifier.case === "pathSeparatedPrefix" && /^\/[^/]+$/.test(specifier.value)) {
    wanted = `${specifier.value}/*`;
  } else {
    const value = typeof specifier.value === "string" ? ` "${specifier.value.slice(0, 100)}"` : "";
    const found = `${specifier.case ?? "no path specifier, or one that is not known"}${value}`;
    throw new ResourceProblem(
      `${path}.path_specifier`,
      found,
      'path "/Service/Method", prefix "/Service/", "/" or ""',
    );
  }
  if (match.caseSensitive === false && wanted !== "") {
    throw new ResourceProblem(`${path}.case_sensitive`, "false", "true");
  }
  const headers = match.headers.map((header, index) => decodeHeader(header, `${path}.headers[${index}]`));
  return wanted === "" && headers.length === 0 ? [] : [{ path: wanted, headers }];
}

function decodeHeader(matcher: HeaderMatcher, path: string): HeaderMatch {
  const name = matcher.name.toLowerCase();
  const { headerMatchSpecifier: how, invertMatch } = matcher;
  const refuse = (found: string): never => {
    throw new ResourceProblem(path, found, "exact, prefix, or present (which alone may be inverted)");
  };
  if (how.case === undefined || how.case === "presentMatch") {
    const present = (how.case === undefined || how.value) !== invertMatch;
    return { name, kind: present ? "present" : "absent", value: "" };
  }
  if (invertMatch) return refuse("invert_match");
  if (how.case === "exactMatch") return { name, kind: "exact", value: how.value };
  if (how.case === "prefixMatch") return { name, kind: "prefix", value: how.value };
  if (how.case !== "stringMatch") return refuse(how.case);
  const { matchPattern: pattern, ignoreCase } = how.value;
  if (ignoreCase) return refuse("ignore_case");
  if (pattern.case === "exact") return { name, kind: "exact", value: pattern.value };
  if (pattern.case === "prefix") return { name, kind: "prefix", value: pattern.value };
  return refuse(`string_match ${pattern.case ?? "of a kind that is not known"}`);
}

function decodeClusters({ clusterSpecifier }: RouteAction, path: string): WeightedCluster[] {
  if (clusterSpecifier.case === "cluster" && clusterSpecifier.value !== "") {
    return [{ name: clusterSpecifier.value, weight: 1 }];
  }
  if (clusterSpecifier.case !== "weightedClusters") {
    const found = clusterSpecifier.case ?? "no cluster specifier, or one that is not known";
    throw new ResourceProblem(path, found, "cluster or weighted_clusters");
  }
  const clusters = clusterSpecifier.value.clusters.map((side, index) => {
    const { name, weight = 0 } = side;
    const at = `${path}.weighted_clusters.clusters[${index}]`;
    if (name === "") throw new ResourceProblem(`${at}.name`, "none", "a name");
    for (const direction of ["request", "response"] as const) {
      const changes = decodeHeaderChanges([{ path: at, mutations: side }], direction);
      if (changes !== null)
        throw new ResourceProblem(`${at}.${direction}_headers_to_add`, "some", "none: say it of the route");
    }
    return { name, weight };
  });
  if (!clusters.some(({ weight }) => weight > 0)) {
    throw new ResourceProblem(`${path}.weighted_clusters`, "no weight above 0", "at least one");
  }
  return clusters;
}

function decodePolicy(action: RouteAction, place: RoutePlace): RequestPolicy | null {
  const { maxStreamDuration: limits } = action;
  const limit = limits?.grpcTimeoutHeaderMax ?? limits?.maxStreamDuration;
  const timeouts = limit === undefined ? undefined : { requestMs: decodeDuration(limit, 0), idleMs: 0 };
  const retries = decodeRetries(action.retryPolicy ?? place.retryPolicy);
  return timeouts === undefined && retries === undefined ? null : { timeouts, retries };
}

/** @returns undefined where nothing is said, or nothing of what is said applies to gRPC. Source: gRFC A44. */
function decodeRetries(policy: RetryPolicyMessage | undefined): RetryPolicy | undefined {
  if (policy === undefined) return undefined;
  const words = policy.retryOn.split(",").map((word) => word.trim());
  const retryOn = words.filter((word): word is RetryOn => (RETRY_ON as readonly string[]).includes(word));
  if (retryOn.length === 0) return undefined;
  const baseMs = decodeDuration(policy.retryBackOff?.baseInterval, RETRY_DEFAULTS.backoffBaseMs);
  return {
    attempts: Math.min(MAX_ATTEMPTS, (policy.numRetries ?? 1) + 1),
    perTryTimeoutMs: decodeDuration(policy.perTryTimeout, 0),
    retryOn,
    backoffBaseMs: baseMs,
    backoffMaxMs: Math.max(baseMs, decodeDuration(policy.retryBackOff?.maxInterval, baseMs * 10)),
  };
}
