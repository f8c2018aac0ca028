import { readFile } from "node:fs/promises";
import type { Environment } from "./environment-overrides.ts";
import { freezeDeep } from "./freeze-deep.ts";
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
  const parsed = parseConfig(text, { file, env, check: checkTlsFiles });
  if (parsed.config === undefined) return parsed;
  if (!parsed.config.clusters.some(({ loadBalancer }) => loadBalancer.policy.startsWith("module:")))
    return parsed;
  const modules = await import("./check-policy-modules.ts");
  const judged = await modules.judgePolicyModules(parsed.config, file);
  if (judged.problems.size > 0)
    return parseConfig(text, { file, env, check: (config) => modules.policyFindings(config, judged) });
  return { ...parsed, config: freezeDeep(modules.withPolicyUrls(parsed.config, judged)) };
}
