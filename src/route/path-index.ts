import { NOT_FOUND, OctetMap } from "./octet-map.ts";
import type { RouteRule } from "./route-rule.ts";

const SLASH = 0x2f;

/** The rules that may hold for some paths, in order: those behind one that holds for all of these paths are left out. */
export type RuleList = readonly RouteRule[];

/**
 * From a path to the rules that may hold for it. Everything that the rules say of paths is decided here: what is left to look
 * at is headers.
 */
export class PathIndex {
  readonly #lists: RuleList[] = [];
  readonly #paths = new OctetMap();
  /** Keys end with a slash. */
  readonly #services = new OctetMap();
  readonly #others: number;

  constructor(rules: RuleList) {
    this.#others = this.#add(rules.filter(({ path }) => path === ""));
    for (const { path } of rules) {
      if (path === "") continue;
      const isService = path.endsWith("/*");
      const key = isService ? path.slice(0, -1) : path;
      const service = serviceOf(key);
      const list = rules.filter((rule) =>
        rule.path === "" || rule.path === `${service}*` ? true : !isService && rule.path === path,
      );
      (isService ? this.#services : this.#paths).set(Buffer.from(key, "latin1"), this.#add(list));
    }
  }

  /** The rules for every number {@link find} returns. */
  list(number: number): RuleList {
    return this.#lists[number]!;
  }

  /** @returns the number of the list for the path at `offset`. */
  find(bytes: Uint8Array, offset: number, length: number): number {
    const exact = this.#paths.find(bytes, offset, length);
    if (exact !== NOT_FOUND) return exact;
    let end = offset + length;
    while (end > offset && bytes[end - 1] !== SLASH) end--;
    const service = this.#services.find(bytes, offset, end - offset);
    return service === NOT_FOUND ? this.#others : service;
  }

  #add(rules: RuleList): number {
    const always = rules.findIndex(({ conditions }) => conditions.length === 0);
    this.#lists.push(always < 0 ? rules : rules.slice(0, always + 1));
    return this.#lists.length - 1;
  }
}

/** @returns a path up to its last slash and with it. */
function serviceOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}
