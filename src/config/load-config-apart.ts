import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Environment } from "./environment-overrides.ts";
import { freezeDeep } from "./freeze-deep.ts";
import { loadConfig } from "./load-config.ts";
import type { ParsedConfig } from "./parse-config.ts";

/** A file of 16,384 endpoints takes some 2 s. */
const LIMIT_MS = 60_000;
const MAX_ANSWER_OCTETS = 64 * 1_048_576;

/**
 * As {@link loadConfig}, in a process of its own that ends afterwards: the YAML parser and the schema, some 20 MB that
 * are needed for a moment, do not stay in the daemon, and a large file does not hold up its main thread. Where no
 * process can be started, the file is read in this one.
 */
export async function loadConfigApart(file: string, env: Environment): Promise<ParsedConfig> {
  const entry = import.meta.url.endsWith(".ts") ? "./load-config-process.ts" : "./load-config-process.js";
  const path = fileURLToPath(new URL(entry, import.meta.url));
  const answer = await new Promise<string | undefined>((resolve) => {
    const options = { env: { ...env }, timeout: LIMIT_MS, maxBuffer: MAX_ANSWER_OCTETS };
    execFile(process.execPath, [path, file], options, (error, stdout) => {
      resolve(error === null ? stdout : undefined);
    });
  });
  if (answer === undefined) return loadConfig(file, env);
  return freezeDeep(JSON.parse(answer) as ParsedConfig);
}
