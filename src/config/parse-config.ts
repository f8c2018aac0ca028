import { hostname } from "node:os";
import { LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { closestWord } from "./closest-word.ts";
import type { Config } from "./config.ts";
import type { ConfigProblem } from "./config-problem.ts";
import { describeFound, formatConfigPath } from "./config-problem.ts";
import { configSchema } from "./config-schema.ts";
import type { CrossFinding } from "./cross-check.ts";
import { crossCheck } from "./cross-check.ts";
import type { Environment } from "./environment-overrides.ts";
import { applyEnvironment } from "./environment-overrides.ts";
import { freezeDeep } from "./freeze-deep.ts";
import { keysOf, schemaAt } from "./schema-walk.ts";
import { SourcePositions } from "./source-positions.ts";

/** Either a configuration or all that is wrong with it, in the order of the file. */
export type ParsedConfig =
  | { readonly config: Config; readonly problems?: undefined }
  | { readonly config?: undefined; readonly problems: readonly ConfigProblem[] };

/** What the parser needs to know beside the text. */
export interface ParseOptions {
  /** How messages name the file. */
  readonly file: string;
  /** Environment variables; those that the schema names take precedence over the file. */
  readonly env: Environment;
  /** A further check of a configuration that is good as far as its own text tells; default: none. */
  readonly check?: (config: Config) => CrossFinding[];
}

/**
 * Reads a configuration: YAML → schema → checks across keys. Nothing is thrown for a wrong file, and as many problems
 * as can be told apart are reported at once.
 */
export function parseConfig(text: string, options: ParseOptions): ParsedConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: "1.2" });
  const positions = new SourcePositions(document, lines);
  if (document.errors.length > 0) {
    return {
      problems: document.errors.map((error) => {
        const { line, col } = lines.linePos(error.pos[0]);
        return problem(options.file, { line, column: col }, "", {
          found: `invalid YAML (${error.message})`,
          wanted: "a YAML document",
          advice: "",
        });
      }),
    };
  }
  const raw: unknown = document.toJS({ maxAliasCount: 1_000 });
  const overridden = applyEnvironment(raw, options.env);
  const parsed = configSchema.safeParse(overridden.value);
  if (!parsed.success) {
    const found = parsed.error.issues.flatMap((issue) => {
      const variable = overridden.variables.get(formatConfigPath(issue.path));
      return variable === undefined
        ? problemsOf(issue, overridden.value, positions, options.file)
        : [environmentProblem(issue, overridden.value, variable)];
    });
    return { problems: inFileOrder(found) };
  }
  const config = freezeDeep({
    ...parsed.data,
    node: { ...parsed.data.node, id: parsed.data.node.id ?? hostname() },
  }) satisfies Config;
  const findings = crossCheck(config);
  if (findings.length === 0 && options.check !== undefined) findings.push(...options.check(config));
  const problems = findings.map((finding) =>
    problem(options.file, positions.ofValue(finding.path), formatConfigPath(finding.path), finding),
  );
  return problems.length > 0 ? { problems: inFileOrder(problems) } : { config };
}

function problemsOf(
  issue: z.core.$ZodIssue,
  raw: unknown,
  positions: SourcePositions,
  file: string,
): ConfigProblem[] {
  if (issue.code === "unrecognized_keys") {
    const known = Object.keys(keysOf(schemaAt(configSchema, issue.path).schema) ?? {});
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      const meant = closestWord(key, known);
      return problem(file, positions.ofKey(path), formatConfigPath(path), {
        found: `the unknown key ${describeFound(key)}`,
        wanted: wantedOf(known, meant),
        advice: meant === undefined ? "remove it" : `did you mean "${meant}"?`,
      });
    });
  }
  const value = valueAt(raw, issue.path);
  const { notes } = schemaAt(configSchema, issue.path);
  return [
    problem(file, positions.ofValue(issue.path), formatConfigPath(issue.path), {
      found: describeFound(value),
      wanted: notes.wanted,
      advice: adviceFor(issue, value) ?? notes.advice ?? "",
    }),
  ];
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

function environmentProblem(issue: z.core.$ZodIssue, raw: unknown, variable: string): ConfigProblem {
  const { notes } = schemaAt(configSchema, issue.path);
  return problem(`environment variable ${variable}`, { line: 0, column: 0 }, formatConfigPath(issue.path), {
    found: describeFound(valueAt(raw, issue.path)),
    wanted: notes.wanted,
    advice: "change or unset the variable; it takes precedence over the file",
  });
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw;
  for (const step of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[step];
  return value;
}

function problem(
  file: string,
  position: { readonly line: number; readonly column: number },
  path: string,
  said: { readonly found: string; readonly wanted: string; readonly advice: string },
): ConfigProblem {
  return { file, ...position, path, found: said.found, wanted: said.wanted, advice: said.advice };
}

function inFileOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}
