import type { z } from "zod";
import type { FieldNotes } from "./config-fields.ts";
import { fieldNotes } from "./config-fields.ts";

/** A schema node without its wrappers. */
export interface SchemaNode {
  /** The object, array or leaf schema itself. */
  readonly schema: z.core.$ZodType;
  readonly notes: FieldNotes;
  /** Whether the key may be left out. */
  readonly optional: boolean;
  /** What stands for an absent key; `undefined` when nothing does. */
  readonly defaultValue: unknown;
}

const NO_NOTES: FieldNotes = { wanted: "a value", doc: "" };

/** Takes the wrappers (optional, default) off a schema, remembering what they said. */
export function unwrapSchema(schema: z.core.$ZodType): SchemaNode {
  let inner = schema;
  let optional = false;
  let defaultValue: unknown;
  for (;;) {
    const def = (inner as z.core.$ZodTypes)._zod.def;
    if (def.type === "default" || def.type === "prefault") defaultValue = def.defaultValue;
    else if (def.type !== "optional") break;
    optional = true;
    inner = def.innerType;
  }
  return { schema: inner, notes: fieldNotes.get(inner) ?? NO_NOTES, optional, defaultValue };
}

/** @returns the keys of a mapping with their schemas, in the order of the schema; `undefined` for anything else. */
export function keysOf(schema: z.core.$ZodType): Readonly<Record<string, z.core.$ZodType>> | undefined {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  return def.type === "object" ? def.shape : undefined;
}

/** @returns the schema of a list's items; `undefined` for anything that is not a list. */
export function itemOf(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  return def.type === "array" ? def.element : undefined;
}

/** @returns the node at a path such as `["clusters", 0, "name"]`; the deepest known one when the path leads on. */
export function schemaAt(root: z.core.$ZodType, path: readonly PropertyKey[]): SchemaNode {
  let node = unwrapSchema(root);
  for (const step of path) {
    const next = typeof step === "number" ? itemOf(node.schema) : keysOf(node.schema)?.[String(step)];
    if (next === undefined) break;
    node = unwrapSchema(next);
  }
  return node;
}
