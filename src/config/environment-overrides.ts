import type { z } from "zod";
import { formatConfigPath } from "./config-problem.ts";
import { configSchema } from "./config-schema.ts";
import type { CrossFinding } from "./cross-finding.ts";
import { hostAddress } from "./host-address.ts";
import { keysOf, unwrapSchema } from "./schema-walk.ts";

/** Environment variables as `process.env` holds them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A raw configuration with the environment's values in it. */
export interface OverriddenConfig {
  readonly value: unknown;
  /** Path → variable, for those values that came from the environment. */
  readonly variables: ReadonlyMap<string, string>;
  /** Path → what is to be said of a value that the environment should have completed and did not. */
  readonly missing: ReadonlyMap<string, Omit<CrossFinding, "path">>;
}

/** Every key that an environment variable can set, found in the schema. */
export function environmentKeys(): { readonly path: readonly string[]; readonly variable: string }[] {
  const found: { path: string[]; variable: string }[] = [];
  const visit = (schema: z.core.$ZodType, path: readonly string[]): void => {
    const node = unwrapSchema(schema);
    if (node.notes.env !== undefined) found.push({ path: [...path], variable: node.notes.env });
    for (const [key, inner] of Object.entries(keysOf(node.schema) ?? {})) visit(inner, [...path, key]);
  };
  visit(configSchema, []);
  return found;
}

/**
 * Puts the values of the environment over those of the file; an unset or empty variable leaves the file's value. `metrics.address` may name
 * HOST_IP for its host ({@link hostAddress}).
 *
 * @param raw the file's content, not changed; anything but a mapping is returned as it is, for the schema to refuse.
 */
export function applyEnvironment(raw: unknown, env: Environment): OverriddenConfig {
  const variables = new Map<string, string>();
  const missing = new Map<string, Omit<CrossFinding, "path">>();
  if (!isMapping(raw)) return { value: raw, variables, missing };
  const value = { ...raw };
  for (const { path, variable } of environmentKeys()) {
    const text = env[variable];
    if (text === undefined || text === "") continue;
    if (!setIn(value, path, text)) continue;
    variables.set(formatConfigPath(path), variable);
  }
  const { metrics } = value;
  const { HOST_IP = "" } = env;
  const own = isMapping(metrics) ? hostAddress(metrics["address"], HOST_IP) : undefined;
  if (own !== undefined && "problem" in own) missing.set("metrics.address", own.problem);
  else if (own !== undefined) setIn(value, ["metrics", "address"], own.address);
  return { value, variables, missing };
}

function setIn(root: Record<string, unknown>, path: readonly string[], text: string): boolean {
  let parent = root;
  for (const key of path.slice(0, -1)) {
    const inner = parent[key] ?? {};
    if (!isMapping(inner)) return false;
    parent[key] = { ...inner };
    parent = parent[key] as Record<string, unknown>;
  }
  parent[path.at(-1)!] = text;
  return true;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
