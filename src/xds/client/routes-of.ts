import type { Route } from "../../resource/route.ts";
import type { AuthorityTarget } from "./resolve-authority.ts";

/** An authority and where its requests go, as far as known. */
interface Routed {
  readonly name: string;
  readonly target: AuthorityTarget | undefined;
}

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
  }
  return { version: versions.join("\n"), routes };
}

const identities = new WeakMap<object, number>();
let nextIdentity = 1;

function identityOf(object: object): number {
  const known = identities.get(object);
  if (known !== undefined) return known;
  identities.set(object, nextIdentity);
  return nextIdentity++;
}
