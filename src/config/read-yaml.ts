import { LineCounter, parseDocument } from "yaml";
import type { ConfigProblem } from "./config-problem.ts";
import { configProblem } from "./schema-problems.ts";
import { SourcePositions } from "./source-positions.ts";

/** Either what a file says, and where in it, or why it is no YAML. */
export type ReadYaml =
  | { readonly raw: unknown; readonly positions: SourcePositions; readonly problems?: undefined }
  | { readonly problems: readonly ConfigProblem[] };

/** Reads YAML 1.2. @param file how messages name it. */
export function readYaml(text: string, file: string): ReadYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: "1.2" });
  if (document.errors.length > 0) {
    return {
      problems: document.errors.map((error) => {
        const { line, col } = lines.linePos(error.pos[0]);
        return configProblem(file, { line, column: col }, "", {
          found: `invalid YAML (${error.message})`,
          wanted: "a YAML document",
          advice: "",
        });
      }),
    };
  }
  return {
    raw: document.toJS({ maxAliasCount: 1_000 }),
    positions: new SourcePositions(document, lines),
  };
}
