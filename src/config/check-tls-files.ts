import type { Config } from "./config.ts";
import { describeFound } from "./config-problem.ts";
import type { CrossFinding } from "./cross-check.ts";
import { readTlsFiles } from "./read-tls-files.ts";

/** Checks the files that the clusters' `tls` sections name: what cannot be used is refused before a port is open. */
export function checkTlsFiles(config: Config): CrossFinding[] {
  const findings: CrossFinding[] = [];
  for (const [index, { tls }] of config.clusters.entries()) {
    if (tls === undefined) continue;
    const files = readTlsFiles(tls);
    if (files.problem === undefined) continue;
    const { key, problem, wanted } = files;
    findings.push({
      path: ["clusters", index, "tls", key],
      found: `${describeFound(tls[key])}: ${problem}`,
      wanted,
      advice: "correct the path or the file; certificates are read again whenever they change",
    });
  }
  return findings;
}
