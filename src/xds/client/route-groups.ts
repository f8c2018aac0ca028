import type { Route, RouteChanges, RouteGroup } from "../../resource/route.ts";
import { PLAIN_ROUTE } from "../resources/own-route.ts";
import type { HostRoute } from "../resources/xds-resource.ts";
import type { AuthorityTarget } from "./resolve-authority.ts";

/** Authorities with the same routes. */
interface Group {
  readonly names: Set<string>;
  routes: readonly HostRoute[];
}

/** No cluster has this name: what is sent there fails with UNIMPLEMENTED. */
const NOBODY = "";

/**
 * The routes of all authorities, in groups of those that have the same ones: so that a service that is called for the first time, and one whose
 * routes change, costs the routes of its own authorities and not those of a thousand others.
 */
export class RouteGroups {
  readonly #groups = new Map<string, Group>();
  readonly #groupOf = new Map<string, string>();
  /** Keys of groups that are others than {@link take} has said. */
  readonly #changed = new Set<string>();

  /** An authority's requests go there now. @param target undefined: nobody wants it any more. */
  set(name: string, target: AuthorityTarget | undefined): void {
    const key = target?.kind === "routes" ? target.group : undefined;
    const former = this.#groupOf.get(name);
    if (former !== undefined && former !== key) this.#leave(name, former);
    if (target?.kind !== "routes" || key === undefined) return;
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { names: new Set(), routes: target.routes };
      this.#groups.set(key, group);
    }
    // Routes are immutable: the same list is the same routes.
    if (group.names.has(name) && group.routes === target.routes) return;
    group.names.add(name);
    group.routes = target.routes;
    this.#groupOf.set(name, key);
    this.#changed.add(key);
  }

  /** @returns what differs since the last time; undefined: nothing. */
  take(): RouteChanges | undefined {
    if (this.#changed.size === 0) return undefined;
    const changed: RouteGroup[] = [];
    const gone: string[] = [];
    for (const key of this.#changed) {
      const group = this.#groups.get(key);
      if (group === undefined) gone.push(key);
      else changed.push({ key, routes: routesOf(key, group) });
    }
    this.#changed.clear();
    return { changed, gone };
  }

  #leave(name: string, key: string): void {
    const group = this.#groups.get(key)!;
    this.#groupOf.delete(name);
    group.names.delete(name);
    if (group.names.size === 0) this.#groups.delete(key);
    this.#changed.add(key);
  }
}

function routesOf(key: string, { names, routes }: Group): readonly Route[] {
  const authorities = [...names];
  const made: Route[] = routes.map((route) => ({ ...route, authorities }));
  // Else such a request would go to the cluster of the authority's name, where there is one.
  if (!routes.some(takesAll)) {
    const clusters = [{ name: NOBODY, weight: 1 }];
    made.push({ ...PLAIN_ROUTE, name: `${key} without a match`, authorities, clusters });
  }
  return made;
}

function takesAll({ matches }: HostRoute): boolean {
  return matches.length === 0 || matches.some(({ path, headers }) => path === "" && headers.length === 0);
}
