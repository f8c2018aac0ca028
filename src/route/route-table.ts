import type { InternPool } from "../h2/hpack/intern-pool.ts";
import type { RouteConfiguration } from "../resource/route.ts";
import { AuthorityTable, NO_ROUTE } from "./authority-table.ts";
import { CompiledRoute } from "./compiled-route.ts";
import { HeaderCondition } from "./header-condition.ts";
import { HeaderNames } from "./header-names.ts";
import type { HeaderView } from "./header-view.ts";
import type { RuleList } from "./path-index.ts";
import { PathIndex } from "./path-index.ts";
import { RoutePlaces } from "./route-places.ts";
import type { RouteRule } from "./route-rule.ts";

/** The host of an authority that no route speaks of. */
export const NO_HOST = -1;

const DOT = 0x2e;

/**
 * The routes of a configuration, made for looking up: authority → host → list of rules → route. Hosts are the authorities that
 * routes name, and what their suffixes catch; each has the rules that are for it, in the order of the configuration.
 *
 * Immutable; another configuration is another table.
 */
export class RouteTable {
  readonly version: string;
  readonly names: HeaderNames;
  /** By their place in the configuration. */
  readonly routes: readonly CompiledRoute[];
  readonly #hosts: PathIndex[] = [];
  readonly #exact = new AuthorityTable();
  /** Keys begin with the dot of `*.suffix`. */
  readonly #suffixes = new AuthorityTable();
  readonly #all: number;

  constructor(configuration: RouteConfiguration, bytes: Uint8Array, pool: InternPool) {
    this.version = configuration.version;
    this.names = new HeaderNames(bytes, pool);
    this.routes = configuration.routes.map((route, index) => new CompiledRoute(route, index, this.names));
    const rules = this.routes.map((route) => this.#rulesOf(route));
    const places = new RoutePlaces(configuration.routes);
    const hosts = new Map<string, number>();
    /** Names for which the same routes are, as those of one service mostly are, share a host. */
    const hostOf = (pattern: string): number => {
      const own = places.covering(pattern);
      const key = own.join();
      let host = hosts.get(key);
      if (host === undefined) {
        host = this.#hosts.length;
        this.#hosts.push(new PathIndex(own.flatMap((place) => rules[place]!)));
        hosts.set(key, host);
      }
      return host;
    };
    this.#all = places.names.has("*") ? hostOf("*") : NO_HOST;
    for (const pattern of places.names.keys()) {
      if (pattern === "*") continue;
      if (pattern.startsWith("*")) this.#suffixes.set(pattern.slice(1), hostOf(pattern));
      else this.#exact.set(pattern, hostOf(pattern));
    }
  }

  /** @returns the host of the authority at `offset`, or {@link NO_HOST}. */
  host(bytes: Uint8Array, offset: number, length: number): number {
    const exact = this.#exact.lookup(bytes, offset, length);
    if (exact !== NO_ROUTE) return exact;
    // The longest suffix that is known: its rules are those of the shorter ones too.
    for (let at = offset + 1; at < offset + length; at++) {
      if (bytes[at] !== DOT) continue;
      const host = this.#suffixes.lookup(bytes, at, offset + length - at);
      if (host !== NO_ROUTE) return host;
    }
    return this.#all;
  }

  /** @returns the number of the list of rules for the path at `offset`, for {@link rules}. */
  path(host: number, bytes: Uint8Array, offset: number, length: number): number {
    return this.#hosts[host]!.find(bytes, offset, length);
  }

  rules(host: number, list: number): RuleList {
    return this.#hosts[host]!.list(list);
  }

  #rulesOf(route: CompiledRoute): RuleList {
    const { matches } = route.route;
    if (matches.length === 0) return [{ route, path: "", conditions: [] }];
    return matches.map(({ path, headers }): RouteRule => {
      return { route, path, conditions: headers.map((match) => new HeaderCondition(match, this.names)) };
    });
  }
}

/** @returns the first route of the list whose conditions hold. */
export function firstRoute(rules: RuleList, view: HeaderView): CompiledRoute | undefined {
  for (let i = 0; i < rules.length; i++) {
    const { route, conditions } = rules[i]!;
    let k = 0;
    while (k < conditions.length && conditions[k]!.holds(view)) k++;
    if (k === conditions.length) return route;
  }
  return undefined;
}
