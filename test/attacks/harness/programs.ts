import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

export const REPOSITORY = resolve(import.meta.dirname, "../../..");
const SOURCES = join(REPOSITORY, "test/attacks/programs");
/** The benchmark's HTTP/2 in C, which costs a core little and keeps exact times. */
const LOAD = join(REPOSITORY, "bench/load");
const BUILT = join(REPOSITORY, "node_modules/.cache/attacks");

/** The core that is the proxy's alone, and the one for all others. */
export const PROXY_CORE = 1;
export const OTHER_CORE = 0;

/** @returns why this machine cannot run the suite, or "" if it can. */
export function missingTools(): string {
  if (process.platform !== "linux") return "it reads CPU time from /proc and needs 127.0.0.0/8: Linux only";
  for (const tool of ["cc", "taskset", "chrt"]) {
    if (spawnSync("which", [tool]).status !== 0) return `${tool} is not installed`;
  }
  if (spawnSync("taskset", ["-c", String(PROXY_CORE), "true"]).status !== 0) return "there is one core only";
  return "";
}

/** @returns why the parts in Go cannot be built, or "" if they can. */
export function missingGo(): string {
  const { status, stdout } = spawnSync("go", ["env", "GOVERSION"], { encoding: "utf8" });
  if (status !== 0) return "go is not installed";
  const [, minor = "0"] = /^go1\.(\d+)/.exec(stdout) ?? [];
  return Number(minor) >= 26 ? "" : `${stdout.trim()} is installed, go1.26 is needed`;
}

/** Builds the programs in Go; what was built before is taken from Go's own cache. @returns the path. */
export function buildGo(): string {
  const target = join(BUILT, "go-attacks");
  mkdirSync(BUILT, { recursive: true });
  execFileSync("go", ["build", "-mod=readonly", "-buildvcs=false", "-o", target, "."], {
    cwd: join(SOURCES, "go"),
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, GOTOOLCHAIN: "local", CGO_ENABLED: "0" },
  });
  return target;
}

/** Compiles one of the programs in C if it is older than its sources. @returns its path. */
export function compile(name: "endpoint" | "innocent"): string {
  return compiled(name, [join(SOURCES, `${name}.c`), join(SOURCES, "core-watch.c")]);
}

/** Compiles the benchmark's loader likewise. @returns its path. */
export function compileLoader(): string {
  return compiled("loader", [join(LOAD, "loader.c")]);
}

/** @param own sources beside those that all have. */
function compiled(name: string, own: readonly string[]): string {
  mkdirSync(BUILT, { recursive: true });
  const target = join(BUILT, name);
  const shared = ["conn.c", "hpack-encode.c", "hpack-decode.c"].map((file) => join(LOAD, file));
  const sources = [...own, ...shared];
  const inputs = [...sources, join(LOAD, "conn.h"), join(SOURCES, "core-watch.h")];
  if (existsSync(target) && inputs.every((file) => statSync(file).mtimeMs < statSync(target).mtimeMs))
    return target;
  execFileSync("cc", ["-O2", "-Wall", "-Wextra", "-pthread", "-I", LOAD, "-o", target, ...sources], {
    stdio: "inherit",
  });
  return target;
}
