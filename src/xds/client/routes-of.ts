import type { Route } from "../../resource/route.ts";
import { PLAIN_ROUTE } from "../resources/own-route.ts";
import type { HostRoute } from "../resources/xds-resource.ts";
import type { AuthorityTarget } from "./resolve-authority.ts";

/** An authority and where its requests go, as far as known. */
interface Routed {
  readonly name: string;
  readonly target: AuthorityTarget | undefined;
}

/** No cluster has this name: what is sent there fails with UNIMPLEMENTED. */
const NOBODY = "";

/**
 * @returns the routes of all authorities: those that have the same ones share them. The version changes with the authorities and with
 * the identity of the routes, which are immutable.
 */
export function routesOf(authorities: Iterable<Routed>): {
  readonly version: string;
  readonly routes: readonly Route[];
} {
  const groups = new Map<string, { readonly names: string[]; readonly target: AuthorityTarget }>();
  for (const { name, target } of authorities) {
    if (target?.kind !== "routes") continue;
    const group = groups.get(target.group) ?? { names: [], target };
    groups.set(target.group, group);
    group.names.push(name);
  }
  const routes: Route[] = [];
  const versions: string[] = [];
  for (const [key, { names, target }] of groups) {
    if (target.kind !== "routes") continue;
    versions.push(`${key} ${identityOf(target.routes)} ${names.join(" ")}`);
    for (const route of target.routes) routes.push({ ...route, authorities: names });
    // Else such a request would go to the cluster of the authority's name, where there is one.
    if (!target.routes.some(takesAll)) {
      const clusters = [{ name: NOBODY, weight: 1 }];
      routes.push({ ...PLAIN_ROUTE, name: `${key} without a match`, authorities: names, clusters });
    }
  }
  return { version: versions.join("\n"), routes };
}

function takesAll({ matches }: HostRoute): boolean {
  return matches.length === 0 || matches.some(({ path, headers }) => path === "" && headers.length === 0);
}

const identities = new WeakMap<object, number>();
let nextIdentity = 1;

function identityOf(object: object): number {
  const known = identities.get(object);
  if (known !== undefined) return known;
  identities.set(object, nextIdentity);
  return nextIdentity++;
}
