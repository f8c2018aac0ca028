import type { Random } from "../base/random.ts";
import type { HeaderMatch, RouteMatch } from "../resource/route.ts";
import { WeightedSplit } from "../route/weighted-split.ts";
import type { HostRoute } from "../xds/resources/xds-resource.ts";
import type { HeaderReader } from "./call-headers.ts";
import { callHash } from "./call-headers.ts";

/** What a call was found to be for. */
export interface ChosenRoute {
  readonly route: HostRoute;
  /** Name of the cluster. */
  readonly cluster: string;
}

/** The routes of one authority, made for looking up by method and headers. */
export class CompiledRoutes {
  readonly #routes: readonly (readonly [HostRoute, WeightedSplit | undefined])[];

  constructor(routes: readonly HostRoute[]) {
    this.#routes = routes.map((route) => [
      route,
      route.clusters.some(({ weight }) => weight > 0) ? new WeightedSplit(route.clusters) : undefined,
    ]);
  }

  /** @param self stands for the caller's address. @returns undefined when no route is for the call, or the one that is leads nowhere. */
  choose(method: string, header: HeaderReader, self: string, random: Random): ChosenRoute | undefined {
    for (const [route, split] of this.#routes) {
      if (route.matches.length > 0 && !route.matches.some((match) => isFor(match, method, header))) continue;
      if (split === undefined) return undefined;
      const hash = route.sticky === null ? 0 : callHash([route.sticky], method, header, self);
      const side = hash === 0 ? split.draw(random) : split.stick(hash);
      return { route, cluster: route.clusters[side]!.name };
    }
    return undefined;
  }
}

function isFor({ path, headers }: RouteMatch, method: string, header: HeaderReader): boolean {
  const isPath =
    path === "" || path === method || (path.endsWith("/*") && isWithin(method, path.slice(0, -1)));
  return isPath && headers.every((each) => holds(each, header));
}

/** @param service with its slash at the end. */
function isWithin(method: string, service: string): boolean {
  return method.startsWith(service) && method.lastIndexOf("/") === service.length - 1;
}

function holds({ name, kind, value }: HeaderMatch, header: HeaderReader): boolean {
  const found = header(name);
  switch (kind) {
    case "present":
      return found !== undefined;
    case "absent":
      return found === undefined;
    case "exact":
      return found === value;
    case "prefix":
      return found?.startsWith(value) === true;
  }
}
