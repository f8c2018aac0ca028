import type { z } from "zod";
import { closestWord } from "./closest-word.ts";
import type { ConfigProblem } from "./config-problem.ts";
import { describeFound, formatConfigPath } from "./config-problem.ts";
import { keysOf, schemaAt } from "./schema-walk.ts";
import type { SourcePosition, SourcePositions } from "./source-positions.ts";

/** A file that is checked by a schema. */
export interface CheckedFile {
  /** How messages name it. */
  readonly file: string;
  readonly schema: z.core.$ZodType;
  readonly positions: Pick<SourcePositions, "ofKey" | "ofValue">;
}

/** Says what a schema found wrong in words for people, with its place in the file. */
export function schemaProblems(issue: z.core.$ZodIssue, raw: unknown, checked: CheckedFile): ConfigProblem[] {
  const { file, schema, positions } = checked;
  if (issue.code === "unrecognized_keys") {
    const known = Object.keys(keysOf(schemaAt(schema, issue.path).schema) ?? {});
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      const meant = closestWord(key, known);
      return configProblem(file, positions.ofKey(path), formatConfigPath(path), {
        found: `the unknown key ${describeFound(key)}`,
        wanted: wantedOf(known, meant),
        advice: meant === undefined ? "remove it" : `did you mean "${meant}"?`,
      });
    });
  }
  const value = valueAt(raw, issue.path);
  const { notes } = schemaAt(schema, issue.path);
  return [
    configProblem(file, positions.ofValue(issue.path), formatConfigPath(issue.path), {
      found: describeFound(value),
      wanted: notes.wanted,
      advice: adviceFor(issue, value) ?? notes.advice ?? "",
    }),
  ];
}

/** A problem at a place. */
export function configProblem(
  file: string,
  position: SourcePosition,
  path: string,
  said: { readonly found: string; readonly wanted: string; readonly advice: string },
): ConfigProblem {
  return { file, ...position, path, found: said.found, wanted: said.wanted, advice: said.advice };
}

/** @returns what stands at a path of a parsed file; `undefined` where nothing does. */
export function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw;
  for (const step of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[step];
  return value;
}

/** @returns problems in the order in which the file is read. */
export function inFileOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

/** What to say of the keys there are: all of them only where nothing is near. */
function wantedOf(known: readonly string[], meant: string | undefined): string {
  if (known.length === 1) return `only ${known[0]}`;
  return meant === undefined ? `one of ${known.join(", ")}` : "a known one";
}

function adviceFor(issue: z.core.$ZodIssue, value: unknown): string | undefined {
  if (issue.code !== "invalid_type") return undefined;
  if (value === undefined || value === null) return "add it";
  if (issue.expected === "string" && typeof value !== "object") return "put it in quotes";
  if ((issue.expected === "number" || issue.expected === "int") && typeof value === "string") {
    return Number.isFinite(Number(value)) && value !== ""
      ? "remove the quotes"
      : "write digits only, without a unit";
  }
  return undefined;
}
