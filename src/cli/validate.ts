import { formatConfigProblem } from "../config/config-problem.ts";
import type { Environment } from "../config/environment-overrides.ts";
import { loadConfig } from "../config/load-config.ts";
import { ExitCode, ExitError } from "../daemon/exit-code.ts";

/**
 * `isobar validate`.
 *
 * @returns what the file says, in a line; before it, what works but hardly as it was meant.
 * @throws ExitError with every problem on a line of its own.
 */
export async function validate(file: string, env: Environment): Promise<string> {
  const { config, warnings = [], problems } = await loadConfig(file, env);
  if (problems !== undefined) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    throw new ExitError(
      ExitCode.usage,
      [...problems.map(formatConfigProblem), `${file}: ${count}`].join("\n"),
    );
  }
  const endpoints = config.clusters.reduce((sum, cluster) => sum + (cluster.endpoints?.length ?? 0), 0);
  const dns = config.clusters.filter((cluster) => cluster.dns !== undefined).length;
  return (
    warnings.map((warning) => `warning: ${formatConfigProblem(warning)}\n`).join("") +
    `${file}: OK, ${count(config.listeners.length, "listener")}, ${count(config.clusters.length, "cluster")}, ` +
    `${count(endpoints, "endpoint")}${dns > 0 ? ` and ${count(dns, "cluster")} from DNS` : ""}`
  );
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
