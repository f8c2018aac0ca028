import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Child } from "../../clients/harness/child.ts";
import { withLock } from "../../clients/harness/lock.ts";
import { REPOSITORY } from "../../clients/harness/paths.ts";

/** Sources of the API server, which lie beside the repository; the same for the definitions of others' kinds. */
const SOURCES = join(REPOSITORY, "../shared/kubelab");
const CACHE = join(REPOSITORY, "node_modules/.cache/kubelab");
/** A first build compiles 1,500 packages. */
const BUILD_MS = 30 * 60_000;

/** Folder of CustomResourceDefinitions of others: GRPCRoute, ReferenceGrant. */
export const OTHERS_CRDS: string = join(REPOSITORY, "../shared/crds");

/** Folder of our own CustomResourceDefinitions. */
export const OWN_CRDS: string = join(REPOSITORY, "deploy/crds");

/** @returns why there can be no API server on this machine, if so. */
export function missingKubelab(): string | undefined {
  if (!existsSync(SOURCES)) return `the sources of the test's API server are missing: ${SOURCES}`;
  const { status, error } = spawnSync("go", ["version"]);
  return status === 0
    ? undefined
    : `Go is needed to build the test's API server: ${error?.message ?? status}`;
}

/** Builds the API server, unless the last build was of the same sources. @returns its program. */
export async function buildKubelab(): Promise<string> {
  const program = join(CACHE, "kubelab");
  await withLock("kubelab", async () => {
    const stamp = join(CACHE, ".built");
    const wanted = fingerprint();
    if (existsSync(program) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
    rmSync(stamp, { force: true });
    const folder = join(CACHE, "src");
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const file of sourceFiles()) cpSync(join(SOURCES, file), join(folder, file), { recursive: true });
    // Copied files may be read-only, and the build writes beside them.
    spawnSync("chmod", ["-R", "u+w", folder]);
    await run(["generate", "./..."], folder);
    await run(["build", "-ldflags=-s -w", "-o", program, "."], folder);
    writeFileSync(stamp, wanted);
  });
  return program;
}

async function run(args: readonly string[], folder: string): Promise<void> {
  const child = new Child({ command: "go", args }, [], folder);
  const { code, stderr } = await child.waitForEnd(BUILD_MS);
  if (code !== 0) throw new Error(`"go ${args.join(" ")}" ended with code ${code}:\n${stderr}`);
}

function sourceFiles(): string[] {
  return readdirSync(SOURCES).filter((name) => name !== "README.md");
}

function fingerprint(): string {
  const hash = createHash("sha256").update(spawnSync("go", ["version"]).stdout);
  for (const name of readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).sort()) {
    if (/\.(go|mod|sum|yaml)$/.test(name))
      hash.update(`\n${name}\n`).update(readFileSync(join(SOURCES, name)));
  }
  return hash.digest("hex");
}
