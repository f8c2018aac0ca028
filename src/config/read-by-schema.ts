import type { z } from "zod";
import type { ConfigProblem } from "./config-problem.ts";
import { readYaml } from "./read-yaml.ts";
import { inFileOrder, schemaProblems } from "./schema-problems.ts";
import type { SourcePositions } from "./source-positions.ts";

/** Either what a file says, as its schema has it, or all that is wrong with it, in its order. */
export type ReadBySchema<T> =
  | { readonly data: T; readonly positions: SourcePositions; readonly problems?: undefined }
  | { readonly problems: readonly ConfigProblem[] };

/** Reads a YAML file that a schema describes whole. @param file how messages name it. */
export function readBySchema<T>(text: string, file: string, schema: z.ZodType<T>): ReadBySchema<T> {
  const read = readYaml(text, file);
  if (read.problems !== undefined) return read;
  const { raw, positions } = read;
  const parsed = schema.safeParse(raw);
  if (parsed.success) return { data: parsed.data, positions };
  const checked = { file, schema, positions };
  return {
    problems: inFileOrder(parsed.error.issues.flatMap((issue) => schemaProblems(issue, raw, checked))),
  };
}
