import { LineCounter, parseDocument } from "yaml";
import type { ClientsFile } from "./clients-schema.ts";
import { clientsSchema } from "./clients-schema.ts";
import type { ConfigProblem } from "./config-problem.ts";
import { formatConfigPath } from "./config-problem.ts";
import { configProblem, inFileOrder, schemaProblems } from "./schema-problems.ts";
import { SourcePositions } from "./source-positions.ts";

/** Either clients or all that is wrong with the file, in its order. */
export type ParsedClients =
  | { readonly clients: ClientsFile["clients"]; readonly problems?: undefined }
  | { readonly clients?: undefined; readonly problems: readonly ConfigProblem[] };

/** Reads a file of `isobar control-plane --clients`; with the same manners as {@link parseConfig}. */
export function parseClients(text: string, file: string): ParsedClients {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: "1.2" });
  const positions = new SourcePositions(document, lines);
  if (document.errors.length > 0) {
    return {
      problems: document.errors.map((error) => {
        const { line, col } = lines.linePos(error.pos[0]);
        const found = `invalid YAML (${error.message})`;
        return configProblem(file, { line, column: col }, "", {
          found,
          wanted: "a YAML document",
          advice: "",
        });
      }),
    };
  }
  const raw: unknown = document.toJS({ maxAliasCount: 1_000 });
  const parsed = clientsSchema.safeParse(raw);
  if (!parsed.success) {
    const checked = { file, schema: clientsSchema, positions };
    return {
      problems: inFileOrder(parsed.error.issues.flatMap((issue) => schemaProblems(issue, raw, checked))),
    };
  }
  const { clients } = parsed.data;
  const problems = clients.flatMap(({ serviceAccount, subjectAltName }, i): ConfigProblem[] => {
    if ((serviceAccount === undefined) !== (subjectAltName === undefined)) return [];
    const path = ["clients", i];
    const said = {
      found: serviceAccount === undefined ? "neither serviceAccount nor subjectAltName" : "both names",
      wanted: "one of them",
      advice: "a client with two names stands there twice",
    };
    return [configProblem(file, positions.ofValue(path), formatConfigPath(path), said)];
  });
  return problems.length > 0 ? { problems } : { clients };
}
