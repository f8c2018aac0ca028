import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { ROOT, trackedFiles } from "../repository-files.ts";

/** What the build stage of the Dockerfile runs. */
export const BUILD_COMMAND = "npm run build";

/** What became of a command. */
export interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a command with this process's Node before all others. */
export function run(command: string, args: readonly string[], cwd: string): Run {
  const { PATH = "" } = process.env;
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${PATH}` };
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    env,
    encoding: "utf8",
    timeout: 120_000,
  });
  return { code: status, out: stdout, err: stderr };
}

/** Copies into a folder, which it makes, what the build stage of the Dockerfile copies. */
export function stageBuild(folder: string): void {
  const copied = /^(src\/|package(-lock)?\.json$|tsconfig(\.build)?\.json$|LICENSE$)/;
  for (const path of trackedFiles(copied)) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(ROOT, path), target);
  }
  // Packages to build with are those of the checkout: fetching them again would prove nothing.
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
}

/** Builds there. */
export function build(folder: string): Run {
  const [command = "", ...args] = BUILD_COMMAND.split(" ");
  return run(command, args, folder);
}
