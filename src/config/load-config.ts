import { readFile } from "node:fs/promises";
import type { Environment } from "./environment-overrides.ts";
import type { ParsedConfig } from "./parse-config.ts";
import { systemErrorText } from "./system-error-text.ts";

/**
 * Reads and checks a configuration file.
 *
 * @param file the path, also the name in messages.
 * @returns the configuration, or every problem; a file that cannot be read is one of them, so nothing is thrown.
 */
export async function loadConfig(file: string, env: Environment): Promise<ParsedConfig> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const found = systemErrorText(error);
    return {
      problems: [{ file, line: 0, column: 0, path: "", found, wanted: "a readable file", advice: "" }],
    };
  }
  // Loaded at need: the parser and the schema are only for the moments when a file is read.
  const { parseConfig } = await import("./parse-config.ts");
  const { checkTlsFiles } = await import("./check-tls-files.ts");
  return parseConfig(text, { file, env, check: checkTlsFiles });
}
