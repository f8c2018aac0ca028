import type { Config } from "./config.ts";
import { describeFound } from "./config-problem.ts";
import type { CrossFinding } from "./cross-check.ts";
import { readTlsFiles } from "./read-tls-files.ts";
import { readTokenFile } from "./read-token-file.ts";

/** Checks the files that `tls` sections and `controlPlane` name: what cannot be used is refused before a port is open. */
export function checkTlsFiles(config: Config): CrossFinding[] {
  const findings: CrossFinding[] = [];
  const sections = config.clusters.map(({ tls }, index) => ({ tls, path: ["clusters", index, "tls"] }));
  sections.push({ tls: config.controlPlane?.tls, path: ["controlPlane", "tls"] });
  for (const { tls, path } of sections) {
    if (tls === undefined) continue;
    const files = readTlsFiles(tls);
    if (files.problem === undefined) continue;
    const { key, problem, wanted } = files;
    findings.push({
      path: [...path, key],
      found: `${describeFound(tls[key])}: ${problem}`,
      wanted,
      advice: "correct the path or the file; certificates are read again whenever they change",
    });
  }
  const { tokenFile } = config.controlPlane ?? {};
  const { problem } = tokenFile === undefined ? {} : readTokenFile(tokenFile);
  if (problem !== undefined) {
    findings.push({
      path: ["controlPlane", "tokenFile"],
      found: `${describeFound(tokenFile)}: ${problem}`,
      wanted: "a file with a token",
      advice: "correct the path or the file; it is read again for every stream",
    });
  }
  return findings;
}
