import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Writes a file of the run directory as JSON, whole or not at all for whoever reads it. @throws what the system says. */
export function writeRunFile(path: string, content: object): void {
  const next = `${path}.next`;
  try {
    writeFileSync(next, `${JSON.stringify(content)}\n`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(next, `${JSON.stringify(content)}\n`);
  }
  renameSync(next, path);
}

/** @returns what a file of the run directory has, with this format's number; undefined while there is none, or it cannot be read. */
export function readRunFile(path: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const content = JSON.parse(readFileSync(path, "utf8")) as Readonly<Record<string, unknown>> | null;
    return typeof content === "object" && content !== null && content["format"] === 1 ? content : undefined;
  } catch {
    return undefined;
  }
}
