import type { ClientsFile } from "./clients-schema.ts";
import { clientsSchema } from "./clients-schema.ts";
import type { ConfigProblem } from "./config-problem.ts";
import { formatConfigPath } from "./config-problem.ts";
import { readBySchema } from "./read-by-schema.ts";
import { configProblem } from "./schema-problems.ts";

/** Either clients or all that is wrong with the file, in its order. */
export type ParsedClients =
  | { readonly clients: ClientsFile["clients"]; readonly problems?: undefined }
  | { readonly clients?: undefined; readonly problems: readonly ConfigProblem[] };

/** Reads a file of `isobar control-plane --clients`; with the same manners as {@link parseConfig}. */
export function parseClients(text: string, file: string): ParsedClients {
  const read = readBySchema(text, file, clientsSchema);
  if (read.problems !== undefined) return read;
  const { positions } = read;
  const { clients } = read.data;
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
