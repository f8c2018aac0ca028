import { readFileSync } from "node:fs";
import type { Config } from "./config.ts";
import { describeFound } from "./config-problem.ts";
import type { CrossFinding } from "./cross-check.ts";
import { readTlsFiles } from "./read-tls-files.ts";
import { readTokenFile } from "./read-token-file.ts";
import { systemErrorText } from "./system-error-text.ts";

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
  const { keyFile } = config.capture?.identity ?? {};
  const wrong = keyFile === undefined ? "" : signingKeyProblem(keyFile);
  if (wrong !== "") {
    findings.push({
      path: ["capture", "identity", "keyFile"],
      found: `${describeFound(keyFile)}: ${wrong}`,
      wanted: "an Ed25519 key as PEM",
      advice: "make one: openssl genpkey -algorithm ed25519 -out FILE",
    });
  }
  return findings;
}

/** @returns what is wrong with a file that is to have an Ed25519 key; "" if nothing is. */
function signingKeyProblem(file: string): string {
  const { createPrivateKey } = process.getBuiltinModule("node:crypto");
  try {
    const { asymmetricKeyType } = createPrivateKey(readFileSync(file));
    return asymmetricKeyType === "ed25519" ? "" : `a key of the kind ${asymmetricKeyType}`;
  } catch (error) {
    return systemErrorText(error);
  }
}
