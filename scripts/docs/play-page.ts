import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { DocumentedPage } from "./parse-page.ts";
import { sameOutput } from "./same-output.ts";
import { setStage } from "./set-stage.ts";

/** A command of a page that was run. */
export interface PlayedCommand {
  /** Number of the first line of its block. */
  readonly line: number;
  readonly typed: string;
  readonly shown: string;
  /** What it printed; the folder it ran in stands there as `.`. */
  readonly printed: string;
  readonly exitCode: number | null;
  readonly wantedExitCode: number;
  readonly isSame: boolean;
}

const ROOT = resolve(import.meta.dirname, "../..");
const LIMIT_MS = 120_000;

/**
 * Runs the commands of a page in a folder of their own, one after the other. There are the files that the page shows, and `examples`; there is no
 * kubeconfig and no terminal.
 */
export async function playPage({ files, blocks }: DocumentedPage): Promise<PlayedCommand[]> {
  const folder = mkdtempSync(join(tmpdir(), "isobar-docs-"));
  const played: PlayedCommand[] = [];
  try {
    for (const [name, text] of files) writeFileSync(join(folder, name), text);
    symlinkSync(join(ROOT, "examples"), join(folder, "examples"));
    for (const { line, commands, stage, figuresVary, exitCode } of blocks) {
      await using set = await setStage(stage, folder);
      for (const [i, { args, shown }] of commands.entries()) {
        const { printed, code } = await run(args, folder, set.env);
        const wantedExitCode = i === commands.length - 1 ? exitCode : 0;
        const isSame = code === wantedExitCode && sameOutput(shown, printed, figuresVary);
        const typed = ["isobar", ...args].join(" ");
        played.push({ line, typed, shown, printed, exitCode: code, wantedExitCode, isSame });
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return played;
}

function run(
  args: readonly string[],
  cwd: string,
  stageEnv: Readonly<Record<string, string>>,
): Promise<{ readonly printed: string; readonly code: number | null }> {
  // What the machine itself has set must not be found; with a width of its own a terminal would break lines elsewhere.
  const unset = { ISOBAR_ADMIN_ADDRESS: "", ISOBAR_AUDIT_DIR: "", KUBERNETES_SERVICE_HOST: "", COLUMNS: "" };
  const env = { ...process.env, ...unset, KUBECONFIG: join(cwd, "no-kubeconfig"), HOME: cwd, NO_COLOR: "1" };
  const child = spawn(process.execPath, [join(ROOT, "src/cli/launch.mjs"), ...args], {
    cwd,
    env: { ...env, ...stageEnv },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  let printed = "";
  const keep = (text: string): void => {
    printed += text;
  };
  child.stdout.setEncoding("utf8").on("data", keep);
  child.stderr.setEncoding("utf8").on("data", keep);
  return new Promise((done, fail) => {
    child.on("error", fail);
    child.on("close", (code) => done({ printed: printed.replaceAll(cwd, "."), code }));
  });
}
