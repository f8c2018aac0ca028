import type { Config } from "../config/config.ts";
import { configVersion } from "../config/config-version.ts";
import { durationMs } from "../config/duration-ms.ts";
import type {
  CallerKey,
  HeaderChanges,
  HeaderMatch,
  MirrorPolicy,
  RequestPolicy,
  Route,
  RouteConfiguration,
  RouteMatch,
} from "../resource/route.ts";
import { retryPolicyFromConfig } from "./settings-from-config.ts";

type RouteConfig = NonNullable<Config["routes"]>[number];

/** @returns the routes of a configuration, none if it has no such section. */
export function routesFromConfig({ routes = [] }: Pick<Config, "routes">): RouteConfiguration {
  return { version: configVersion(routes), routes: routes.map(routeFromConfig) };
}

function routeFromConfig(config: RouteConfig): Route {
  const { endpoints } = config;
  return {
    name: config.name,
    authorities: config.authorities.map((authority) => authority.toLowerCase()),
    matches: config.matches.map(({ method, path, headers }): RouteMatch => {
      return { path: method ?? path ?? "", headers: headers.map(headerMatch) };
    }),
    clusters: config.clusters,
    sticky: callerKey(config),
    endpoints:
      endpoints === undefined
        ? null
        : {
            labels: endpoints.labels,
            fromHeaders: mapValues(endpoints.labelsFromHeaders, (name) => name.toLowerCase()),
            fallback: endpoints.fallback,
          },
    policy: requestPolicy(config),
    requestHeaders: headerChanges(config.requestHeaders),
    responseHeaders: headerChanges(config.responseHeaders),
    mirror: mirrorPolicy(config),
  };
}

function headerMatch(match: RouteConfig["matches"][number]["headers"][number]): HeaderMatch {
  const name = match.name.toLowerCase();
  if (match.exact !== undefined) return { name, kind: "exact", value: match.exact };
  if (match.prefix !== undefined) return { name, kind: "prefix", value: match.prefix };
  return { name, kind: match.present === true ? "present" : "absent", value: "" };
}

function callerKey({ sticky }: RouteConfig): CallerKey | null {
  if (sticky === undefined) return null;
  if (sticky.header !== undefined) return { kind: "header", name: sticky.header.toLowerCase() };
  return sticky.cookie === undefined ? { kind: "source" } : { kind: "cookie", name: sticky.cookie };
}

function requestPolicy({ timeouts, retries }: RouteConfig): RequestPolicy | null {
  if (timeouts === undefined && retries === undefined) return null;
  const ms = (text: string | undefined): number => (text === undefined ? 0 : durationMs(text));
  return {
    timeouts:
      timeouts === undefined ? undefined : { requestMs: ms(timeouts.request), idleMs: ms(timeouts.idle) },
    retries:
      retries === undefined ? undefined : retries.attempts === 1 ? null : retryPolicyFromConfig(retries),
  };
}

function mirrorPolicy({ mirror }: RouteConfig): MirrorPolicy | null {
  if (mirror === undefined) return null;
  const { timeout, ...same } = mirror;
  return { ...same, timeoutMs: durationMs(timeout) };
}

function headerChanges(changes: RouteConfig["requestHeaders"]): HeaderChanges | null {
  if (changes === undefined) return null;
  return {
    set: mapKeys(changes.set),
    add: mapKeys(changes.add),
    remove: changes.remove.map((name) => name.toLowerCase()),
  };
}

function mapKeys(fields: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value]));
}

function mapValues(
  fields: Readonly<Record<string, string>>,
  change: (value: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, change(value)]));
}
