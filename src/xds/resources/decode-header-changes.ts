import { isChangeableHeader } from "../../resource/changeable-header.ts";
import type { HeaderChanges } from "../../resource/route.ts";
import type { HeaderValueOption } from "../generated/envoy/config/core/v3/base_pb.js";
import { ResourceProblem } from "./resource-problem.ts";

/** What a route, its virtual host, or its RouteConfiguration says about headers. */
export interface HeaderMutations {
  readonly requestHeadersToAdd: readonly HeaderValueOption[];
  readonly requestHeadersToRemove: readonly string[];
  readonly responseHeadersToAdd: readonly HeaderValueOption[];
  readonly responseHeadersToRemove: readonly string[];
}

/** Where mutations stand, for messages. */
export interface MutationLevel {
  readonly path: string;
  readonly mutations: HeaderMutations;
}

/** Values of envoy.config.core.v3.HeaderValueOption.HeaderAppendAction. */
const APPEND = 0;
const OVERWRITE = 2;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Puts the changes of all levels together. Source: Envoy, RouteConfiguration.most_specific_header_mutations_wins, whose default is that
 * the route's come first and may be overwritten by the wider ones.
 *
 * @param levels the route first.
 * @returns null where nothing is changed.
 */
export function decodeHeaderChanges(
  levels: readonly MutationLevel[],
  direction: "request" | "response",
): HeaderChanges | null {
  const set: Record<string, string> = {};
  const add: Record<string, string> = {};
  const remove = new Set<string>();
  for (const { path, mutations } of levels) {
    for (const [index, name] of mutations[`${direction}HeadersToRemove`].entries())
      remove.add(nameAt(name, `${path}.${direction}_headers_to_remove[${index}]`));
    for (const [index, option] of mutations[`${direction}HeadersToAdd`].entries()) {
      const at = `${path}.${direction}_headers_to_add[${index}]`;
      const name = nameAt(option.header?.key ?? "", `${at}.header.key`);
      const value = plainValue(option, at);
      if (value === undefined) continue;
      const overwrites = overwritesAt(option, at);
      if (!overwrites && add[name] !== undefined)
        throw new ResourceProblem(`${at}.header.key`, `${name} again`, "each name once");
      (overwrites ? set : add)[name] = value;
    }
  }
  const isNone = Object.keys(set).length + Object.keys(add).length + remove.size === 0;
  return isNone ? null : { set, add, remove: [...remove] };
}

function nameAt(name: string, path: string): string {
  const lower = name.toLowerCase();
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(lower) || !isChangeableHeader(lower)) {
    throw new ResourceProblem(path, `"${name.slice(0, 100)}"`, "a header that a route may change");
  }
  return lower;
}

/** @returns undefined for a header that is not added at all. */
function plainValue({ header, keepEmptyValue }: HeaderValueOption, path: string): string | undefined {
  const { value = "", rawValue } = header ?? {};
  const text = value === "" && rawValue !== undefined ? Buffer.from(rawValue).toString("latin1") : value;
  if (text === "" && !keepEmptyValue) return undefined;
  const plain = text.replaceAll("%%", "");
  if (plain.includes("%")) {
    throw new ResourceProblem(`${path}.header.value`, "a command operator (%)", "a plain value");
  }
  if (!VALUE.test(text))
    throw new ResourceProblem(`${path}.header.value`, "control characters", "a header's value");
  return text.replaceAll("%%", "%");
}

function overwritesAt({ append, appendAction }: HeaderValueOption, path: string): boolean {
  if (append !== undefined) return !append;
  if (appendAction === OVERWRITE) return true;
  if (appendAction === APPEND) return false;
  throw new ResourceProblem(
    `${path}.append_action`,
    String(appendAction),
    "APPEND_IF_EXISTS_OR_ADD or OVERWRITE_IF_EXISTS_OR_ADD",
  );
}
