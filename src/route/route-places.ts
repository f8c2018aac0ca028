import type { Route } from "../resource/route.ts";

/** Which routes of a configuration are for an authority or a pattern; most of thousands of routes are for a few names each. */
export class RoutePlaces {
  /** By what routes name, as they have it: their places in the configuration. */
  readonly #byName = new Map<string, number[]>();
  /** Places of routes that name a pattern, with their patterns. */
  readonly #wide: { readonly place: number; readonly patterns: readonly string[] }[] = [];

  constructor(routes: readonly Route[]) {
    for (const [place, { authorities }] of routes.entries()) {
      for (const name of authorities) {
        const places = this.#byName.get(name);
        if (places === undefined) this.#byName.set(name, [place]);
        else if (places.at(-1) !== place) places.push(place);
      }
      const patterns = authorities.filter((name) => name.startsWith("*"));
      if (patterns.length > 0) this.#wide.push({ place, patterns });
    }
  }

  /** Everything that routes name, as they have it. */
  get names(): Pick<ReadonlySet<string>, "has" | "keys"> {
    return this.#byName;
  }

  /** @returns the places of the routes that are for all that a name or pattern stands for, in their order. */
  covering(pattern: string): readonly number[] {
    const named = this.#byName.get(pattern) ?? [];
    if (this.#wide.length === 0) return named;
    const places = new Set(named);
    for (const { place, patterns } of this.#wide)
      if (patterns.some((each) => covers(each, pattern))) places.add(place);
    return [...places].sort((a, b) => a - b);
  }
}

/** @returns whether everything that `pattern` stands for is among what `authority` stands for. Both as Route.authorities. */
export function covers(authority: string, pattern: string): boolean {
  if (authority === pattern || authority === "*") return true;
  return (
    authority.startsWith("*") && pattern.length > authority.length - 1 && pattern.endsWith(authority.slice(1))
  );
}
