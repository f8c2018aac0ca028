import type { z } from "zod";
import { groupDigits } from "./config-fields.ts";
import type { SchemaNode } from "./schema-walk.ts";
import { itemOf, keysOf, unwrapSchema } from "./schema-walk.ts";

/** How tables of keys are made. */
export interface KeyTableOptions {
  /** Whether top-level keys say if a reload puts them in force. */
  readonly live?: boolean;
  /** Takes a line for each environment variable. */
  readonly variables?: string[];
  /** Mappings that are explained elsewhere, such as `policies[].loadBalancer`. */
  readonly without?: readonly string[];
}

/**
 * The keys of a schema for the documentation, in Markdown: one table per mapping, outer ones first; a mapping inside a list is named
 * after the list, such as `clusters[]`.
 */
export function keyTables(schema: z.core.$ZodType, options: KeyTableOptions = {}, path = ""): string[] {
  const { variables, live = false, without = [] } = options;
  const keys = Object.entries(keysOf(schema) ?? {});
  const rows: string[] = [];
  const inner: string[] = [];
  for (const [key, keySchema] of keys) {
    const node = unwrapSchema(keySchema);
    const item = itemOf(node.schema);
    const mapping = item === undefined ? node.schema : unwrapSchema(item).schema;
    const fullPath = path === "" ? key : `${path}.${key}`;
    rows.push(row(key, node, live && path === ""));
    if (node.notes.env !== undefined) variables?.push(`- \`${node.notes.env}\` sets \`${fullPath}\`.`);
    const innerPath = item === undefined ? fullPath : `${fullPath}[]`;
    if (keysOf(mapping) !== undefined && !without.includes(innerPath)) {
      inner.push(...keyTables(mapping, options, innerPath));
    }
  }
  const title = path === "" ? "### The file" : `### ${path}`;
  const head =
    path === "" && live
      ? "| key | value | default | live | meaning |\n|---|---|---|---|---|\n"
      : "| key | value | default | meaning |\n|---|---|---|---|\n";
  return [`${title}\n\n${head}${rows.join("")}`, ...inner];
}

function row(key: string, node: SchemaNode, isLive: boolean): string {
  const { notes } = node;
  const value = notes.unit === undefined ? notes.wanted : `${notes.wanted}, in ${notes.unit}`;
  const live = isLive ? [notes.live === true ? "yes" : "no"] : [];
  const cells = [`\`${key}\``, value, defaultOf(node), ...live, meaningOf(node)];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
}

function meaningOf({ notes, schema }: SchemaNode): string {
  return notes.doc === "" && keysOf(schema) !== undefined ? "See below." : notes.doc;
}

function defaultOf({ notes, optional, defaultValue, schema }: SchemaNode): string {
  if (!optional) return "required";
  if (notes.defaultText !== undefined) return notes.defaultText;
  if (keysOf(schema) !== undefined) return defaultValue === undefined ? "none" : "as below";
  if (defaultValue === undefined) return "none";
  if (Array.isArray(defaultValue)) return "empty";
  return typeof defaultValue === "number" ? groupDigits(defaultValue) : `\`${String(defaultValue)}\``;
}
