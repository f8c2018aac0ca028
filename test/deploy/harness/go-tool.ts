import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { Child } from "../../clients/harness/child.ts";
import { withLock } from "../../clients/harness/lock.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";
import { findTools } from "../../clients/harness/toolchain.ts";

const FOLDER = join(REPOSITORY, "node_modules/.cache/deploy-tools");
/** A first build of either compiles most of Kubernetes' libraries. */
const BUILD_LIMIT_MS = 20 * 60_000;

/** What people install Isobar with, as modules of Go. */
export const HELM = "helm.sh/helm/v3/cmd/helm@v3.22.0";
export const KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.8.2";

/** Builds a program, unless it is there. @returns its path, or why there is none. */
export async function goTool(
  module: string,
): Promise<{ readonly path: string } | { readonly missing: string }> {
  const [pathPart = "", version = ""] = module.split("@");
  const name = basename(pathPart.replace(/\/v\d+$/, ""));
  const folder = join(FOLDER, version);
  const path = join(folder, name);
  const go = findTools([{ command: "go", args: ["version"], version: /go(\d+)\.(\d+)/, atLeast: [1, 26] }]);
  return withLock(name, async () => {
    if (existsSync(path)) return { path };
    if ("missing" in go) return go;
    const args = ["install", "-ldflags=-s -w", module];
    const { code, stderr } = await new Child({ command: "go", args, env: { GOBIN: folder } }, []).waitForEnd(
      BUILD_LIMIT_MS,
    );
    return code === 0 ? { path } : { missing: `${name} could not be built: ${stderr.trim().slice(-300)}` };
  });
}
