import type { z } from "zod";
import { formatConfigPath } from "./config-problem.ts";
import { configSchema } from "./config-schema.ts";
import { keysOf, unwrapSchema } from "./schema-walk.ts";

/** Environment variables as `process.env` holds them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A raw configuration with the environment's values in it. */
export interface OverriddenConfig {
  readonly value: unknown;
  /** Path → variable, for those values that came from the environment. */
  readonly variables: ReadonlyMap<string, string>;
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
 * Puts the values of the environment over those of the file; an unset or empty variable leaves the file's value.
 *
 * @param raw the file's content, not changed; anything but a mapping is returned as it is, for the schema to refuse.
 */
export function applyEnvironment(raw: unknown, env: Environment): OverriddenConfig {
  const variables = new Map<string, string>();
  if (!isMapping(raw)) return { value: raw, variables };
  const value = { ...raw };
  for (const { path, variable } of environmentKeys()) {
    const text = env[variable];
    if (text === undefined || text === "") continue;
    if (!setIn(value, path, text)) continue;
    variables.set(formatConfigPath(path), variable);
  }
  return { value, variables };
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
