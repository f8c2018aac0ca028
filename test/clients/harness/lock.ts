import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CACHE } from "./paths.ts";

const RETRY_MS = 200;

/**
 * Runs the action while no other process runs one under the same name: test files run side by side and would
 * otherwise build the same program at once.
 */
export async function withLock<T>(name: string, action: () => Promise<T>): Promise<T> {
  const path = join(CACHE, `${name}.lock`);
  await mkdir(CACHE, { recursive: true });
  while (!(await take(path))) await sleep(RETRY_MS);
  try {
    return await action();
  } finally {
    await rm(path, { force: true });
  }
}

async function take(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    await removeIfAbandoned(path);
    return false;
  }
}

async function removeIfAbandoned(path: string): Promise<void> {
  const owner = Number(await readFile(path, "utf8").catch(() => ""));
  // Empty while its owner has not written yet.
  if (owner > 0 && !isAlive(owner)) await rm(path, { force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
