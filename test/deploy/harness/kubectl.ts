import { spawnSync } from "node:child_process";
import { REPOSITORY } from "../../clients/harness/paths.ts";

const LIMIT_MS = 60_000;

/** @returns why kubectl cannot be used on this machine, if so. */
export function missingKubectl(): string | undefined {
  const { status, error } = spawnSync("kubectl", ["version", "--client"], { encoding: "utf8" });
  return status === 0 ? undefined : `kubectl is needed: ${error?.message ?? `it ended with ${status}`}`;
}

/** How `kubectl` ended. */
export interface KubectlEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs kubectl at the repository's root. @param kubeConfig none where no API server is asked. */
export function kubectl(kubeConfig: string, args: readonly string[], input = ""): KubectlEnd {
  const env = { ...process.env, KUBECONFIG: kubeConfig };
  const options = { cwd: REPOSITORY, encoding: "utf8", env, input, timeout: LIMIT_MS } as const;
  const { status, stdout, stderr, error } = spawnSync("kubectl", args, {
    ...options,
    maxBuffer: 64 * 1024 * 1024,
  });
  return { code: status, stdout, stderr: error === undefined ? stderr : `${stderr}${error.message}` };
}

/** @returns the objects of a kustomization as YAML. Throws what kubectl said when it cannot build it. */
export function builtBy(folder: string): string {
  const { code, stdout, stderr } = kubectl("/dev/null", ["kustomize", folder]);
  if (code !== 0) throw new Error(`kubectl kustomize ${folder} ended with ${code}: ${stderr}`);
  return stdout;
}
