import { hostname } from "node:os";
import type { z } from "zod";
import { checkPassedOn } from "./check-passed-on.ts";
import { checkRouteOrder } from "./check-route-order.ts";
import type { Config } from "./config.ts";
import type { ConfigProblem } from "./config-problem.ts";
import { describeFound, formatConfigPath } from "./config-problem.ts";
import { configSchema } from "./config-schema.ts";
import type { CrossFinding } from "./cross-check.ts";
import { crossCheck } from "./cross-check.ts";
import type { Environment } from "./environment-overrides.ts";
import { applyEnvironment } from "./environment-overrides.ts";
import { freezeDeep } from "./freeze-deep.ts";
import { readYaml } from "./read-yaml.ts";
import { configProblem, inFileOrder, schemaProblems, valueAt } from "./schema-problems.ts";
import { schemaAt } from "./schema-walk.ts";

/** Either a configuration or all that is wrong with it, in the order of the file. */
export type ParsedConfig =
  | {
      readonly config: Config;
      /** What works, but hardly as it was meant. */
      readonly warnings?: readonly ConfigProblem[];
      readonly problems?: undefined;
    }
  | {
      readonly config?: undefined;
      readonly warnings?: undefined;
      readonly problems: readonly ConfigProblem[];
    };

/** What the parser needs to know beside the text. */
export interface ParseOptions {
  /** How messages name the file. */
  readonly file: string;
  /** Environment variables; those that the schema names take precedence over the file. */
  readonly env: Environment;
  /** A further check of a configuration that is good as far as its own text tells; default: none. */
  readonly check?: (config: Config) => CrossFinding[];
  /** Sections that this file may leave out though the schema wants them, with what counts in their place; default: none. */
  readonly absent?: Readonly<Record<string, unknown>>;
}

/**
 * Reads a configuration: YAML → schema → checks across keys. Nothing is thrown for a wrong file, and as many problems
 * as can be told apart are reported at once.
 */
export function parseConfig(text: string, options: ParseOptions): ParsedConfig {
  const read = readYaml(text, options.file);
  if (read.problems !== undefined) return read;
  const { raw: written, positions } = read;
  const isMapping = typeof written === "object" && written !== null && !Array.isArray(written);
  const raw = isMapping ? { ...options.absent, ...written } : written;
  const overridden = applyEnvironment(raw, options.env);
  const parsed = configSchema.safeParse(overridden.value);
  if (!parsed.success) {
    const found = parsed.error.issues.flatMap((issue) => {
      const path = formatConfigPath(issue.path);
      const missing = overridden.missing.get(path);
      if (missing !== undefined)
        return [configProblem(options.file, positions.ofValue(issue.path), path, missing)];
      const variable = overridden.variables.get(path);
      return variable === undefined
        ? schemaProblems(issue, overridden.value, { file: options.file, schema: configSchema, positions })
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
  const placed = (all: readonly CrossFinding[]): ConfigProblem[] =>
    inFileOrder(
      all.map((finding) =>
        configProblem(options.file, positions.ofValue(finding.path), formatConfigPath(finding.path), finding),
      ),
    );
  if (findings.length > 0) return { problems: placed(findings) };
  const warnings = placed([...checkRouteOrder(config.routes ?? []), ...checkPassedOn(config)]);
  return warnings.length > 0 ? { config, warnings } : { config };
}

function environmentProblem(issue: z.core.$ZodIssue, raw: unknown, variable: string): ConfigProblem {
  const { notes } = schemaAt(configSchema, issue.path);
  return configProblem(
    `environment variable ${variable}`,
    { line: 0, column: 0 },
    formatConfigPath(issue.path),
    {
      found: describeFound(valueAt(raw, issue.path)),
      wanted: notes.wanted,
      advice: "change or unset the variable; it takes precedence over the file",
    },
  );
}
