import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Child } from "./child.ts";
import type { BuildStep, Language } from "./language.ts";
import { withLock } from "./lock.ts";
import { PROTO } from "./paths.ts";

const STEP_LIMIT_MS = 15 * 60_000;
const IGNORED = /^(target|__pycache__)(\/|$)/;

/** The packages that a program needs could not be had: no fault of the program. */
export class FetchError extends Error {}

/** Builds the language's program unless the last build was of the same sources with the same toolchain. */
export async function build(language: Language, versions: string): Promise<void> {
  await withLock(lockName(language), async () => {
    const steps = language.steps();
    const wanted = await fingerprint(language, JSON.stringify([versions, steps]));
    const stamp = join(language.output, ".built");
    if ((await readFile(stamp, "utf8").catch(() => "")) === wanted) return;
    await rm(stamp, { force: true });
    for (const step of steps) await runStep(language, step);
    await mkdir(language.output, { recursive: true });
    await writeFile(stamp, wanted);
  });
}

function lockName(language: Language): string {
  return language.name.replaceAll(/[^a-z]+/gi, "-").toLowerCase();
}

async function fingerprint(language: Language, toolchain: string): Promise<string> {
  const hash = createHash("sha256").update(toolchain);
  for (const folder of [language.source, PROTO]) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    for (const file of files.sort()) {
      const name = file.slice(folder.length + 1);
      if (!IGNORED.test(name)) hash.update(`\n${name}\n`).update(await readFile(file));
    }
  }
  return hash.digest("hex");
}

async function runStep(language: Language, step: BuildStep): Promise<void> {
  const { kind, command, args, env } = step;
  showProgress(`${language.name}: ${kind} (${command})`);
  const child = new Child(
    env === undefined ? { command, args } : { command, args, env },
    [],
    language.source,
  );
  const { code, stdout, stderr } = await child.waitForEnd(STEP_LIMIT_MS);
  showProgress("");
  if (code === 0) return;
  const message = `"${[command, ...args].join(" ")}" ended with code ${code}:\n${stdout.slice(-4_000)}${stderr}`;
  throw kind === "fetch" ? new FetchError(message) : new Error(message);
}

function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}
