import type { InternPool } from "../h2/hpack/intern-pool.ts";
import type { RouteConfiguration, RouteGroup } from "../resource/route.ts";
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

/** A group of routes in force. */
interface PlacedGroup {
  readonly routes: readonly CompiledRoute[];
  /** By the configuration's routes that are for them too: its own, shared with nobody. */
  readonly hosts: ReadonlyMap<string, number>;
  /** Lower case. */
  readonly names: ReadonlySet<string>;
}

/**
 * The routes of a configuration, made for looking up: authority → host → list of rules → route. Hosts are the authorities that
 * routes name, and what their suffixes catch; each has the rules that are for it, in the order of the configuration.
 *
 * Groups of routes come and go at the cost of their own: an authority of a group has the configuration's rules that are for it before the group's. Whoever
 * keeps hosts or lists asks again after that. Another configuration is another table.
 */
export class RouteTable {
  readonly version: string;
  readonly names: HeaderNames;
  /** By CompiledRoute.index: the configuration's by their place in it, then those of groups. */
  readonly routes: (CompiledRoute | undefined)[];
  readonly #freeRoutes: number[] = [];
  readonly #hosts: (PathIndex | undefined)[] = [];
  readonly #freeHosts: number[] = [];
  readonly #exact = new AuthorityTable();
  /** Keys begin with the dot of `*.suffix`. */
  readonly #suffixes = new AuthorityTable();
  readonly #all: number;
  readonly #places: RoutePlaces;
  /** Of the configuration's routes. */
  readonly #rules: readonly RuleList[];
  /** Hosts of the authorities that the configuration's routes name: again theirs when a group leaves them. */
  readonly #configured = new Map<string, number>();
  readonly #groups = new Map<string, PlacedGroup>();
  /** Which group an authority is of. */
  readonly #groupOf = new Map<string, PlacedGroup>();

  constructor(configuration: RouteConfiguration, bytes: Uint8Array, pool: InternPool) {
    this.version = configuration.version;
    this.names = new HeaderNames(bytes, pool);
    const routes = configuration.routes.map((route, index) => new CompiledRoute(route, index, this.names));
    this.routes = [...routes];
    this.#rules = routes.map((route) => this.#rulesOf(route));
    this.#places = new RoutePlaces(configuration.routes);
    const hosts = new Map<string, number>();
    this.#all = this.#places.names.has("*") ? this.#hostOf("*", hosts) : NO_HOST;
    for (const pattern of this.#places.names.keys()) {
      if (pattern === "*") continue;
      const host = this.#hostOf(pattern, hosts);
      if (pattern.startsWith("*")) this.#suffixes.set(pattern.slice(1), host);
      else {
        this.#exact.set(pattern, host);
        this.#configured.set(pattern, host);
      }
    }
  }

  /** Puts a group in force, in the place of the one that had its key. @returns its routes, with their indexes in {@link routes}. */
  setGroup({ key, routes }: RouteGroup): readonly CompiledRoute[] {
    this.deleteGroup(key);
    const compiled = routes.map((route) => {
      const index = this.#freeRoutes.pop() ?? this.routes.length;
      const made = new CompiledRoute(route, index, this.names);
      this.routes[index] = made;
      return made;
    });
    const rules = compiled.flatMap((route) => this.#rulesOf(route));
    const hosts = new Map<string, number>();
    const names = new Set(routes.flatMap(({ authorities }) => authorities));
    const group: PlacedGroup = { routes: compiled, hosts, names };
    for (const name of names) {
      this.#exact.set(name, this.#hostOf(name, hosts, rules));
      this.#groupOf.set(name, group);
    }
    this.#groups.set(key, group);
    return compiled;
  }

  /** Takes a group out of force. */
  deleteGroup(key: string): void {
    const group = this.#groups.get(key);
    if (group === undefined) return;
    this.#groups.delete(key);
    for (const { index } of group.routes) {
      this.routes[index] = undefined;
      this.#freeRoutes.push(index);
    }
    for (const host of group.hosts.values()) {
      this.#hosts[host] = undefined;
      this.#freeHosts.push(host);
    }
    for (const name of group.names) {
      // Another group may have taken it over already.
      if (this.#groupOf.get(name) !== group) continue;
      this.#groupOf.delete(name);
      const configured = this.#configured.get(name);
      if (configured === undefined) this.#exact.delete(name);
      else this.#exact.set(name, configured);
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

  /**
   * Names for which the same routes are, as those of one service mostly are, share a host.
   *
   * @param hosts those that may be shared, by the configuration's routes that are for them.
   * @param further rules after those.
   */
  #hostOf(pattern: string, hosts: Map<string, number>, further: RuleList = []): number {
    const own = this.#places.covering(pattern);
    const key = own.join();
    let host = hosts.get(key);
    if (host === undefined) {
      host = this.#freeHosts.pop() ?? this.#hosts.length;
      this.#hosts[host] = new PathIndex([...own.flatMap((place) => this.#rules[place]!), ...further]);
      hosts.set(key, host);
    }
    return host;
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
