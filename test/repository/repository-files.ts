import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** The folder that holds package.json. */
export const ROOT = resolve(import.meta.dirname, "../..");

/** @returns the paths git tracks and that exist, from the root; with `pattern` only those it matches. */
export function trackedFiles(pattern?: RegExp): string[] {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  const paths = [...new Set(listed.split("\0"))].filter((path) => path !== "").sort();
  return pattern === undefined ? paths : paths.filter((path) => pattern.test(path));
}

/** @returns a file's text, `""` when it has gone meanwhile. */
export function readText(path: string): string {
  try {
    return readFileSync(join(ROOT, path), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
