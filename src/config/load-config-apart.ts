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
  const answer = await new Promise<string | ParsedConfig | undefined>((resolve) => {
    const options = { env: { ...env }, timeout: LIMIT_MS, maxBuffer: MAX_ANSWER_OCTETS };
    execFile(process.execPath, [path, file], options, (error, stdout) => {
      const at = stdout.lastIndexOf("\0");
      if (error?.killed) resolve(tookTooLong(file));
      else resolve(error === null && at >= 0 ? stdout.slice(at + 1) : undefined);
    });
  });
  if (answer === undefined) return loadConfig(file, env);
  if (typeof answer === "object") return answer;
  return freezeDeep(JSON.parse(answer) as ParsedConfig);
}

/** Read once more in the daemon itself, the same file would stop it. */
function tookTooLong(file: string): ParsedConfig {
  const problem = {
    found: `no end after ${LIMIT_MS / 1_000} s`,
    wanted: "a file that is read sooner",
    advice: "a policy of your own (module:) that never returns is the likely cause",
  };
  return { problems: [{ file, line: 0, column: 0, path: "", ...problem }] };
}
