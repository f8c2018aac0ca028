import { extname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { DemoChild, DemoChildren } from "./demo-children.ts";
import { DemoFailure } from "./demo-failure.ts";

const READY_WITHIN_MS = 15_000;
const ASK_EVERY_MS = 50;

/** The file that starts the `isobar` command: the checked-out launcher, or the built program. */
export function isobarProgram(): string {
  const file = extname(import.meta.url) === ".ts" ? "../cli/launch.mjs" : "../cli/main.js";
  return fileURLToPath(new URL(file, import.meta.url));
}

/**
 * Starts an `isobar` command as a user would, and waits until its admin address says that it is ready.
 *
 * @param args the command and its options.
 * @throws DemoFailure with its own words if it ends, or is not ready in time.
 */
export async function startIsobar(
  children: DemoChildren,
  program: string,
  args: readonly [command: string, ...options: string[]],
  adminPort: number,
): Promise<DemoChild> {
  const label = `isobar ${args[0]}`;
  const child = children.spawn(label, process.execPath, [program, ...args]);
  const giveUpAt = performance.now() + READY_WITHIN_MS;
  for (;;) {
    const answer = await Promise.race([askReady(adminPort), children.failed]);
    if (answer === "ready") return child;
    if (performance.now() > giveUpAt) {
      throw new DemoFailure(`${label} is not ready after 15 s: ${answer}\n${child.output.trim()}`.trim());
    }
    await pause(ASK_EVERY_MS);
  }
}

async function askReady(adminPort: number): Promise<string> {
  try {
    const response = await fetch(`http://127.0.0.1:${adminPort}/ready`, {
      signal: AbortSignal.timeout(1000),
    });
    const body = await response.text();
    return response.ok ? "ready" : `GET /ready answers ${response.status} ${body.trim()}`;
  } catch (error) {
    return `GET /ready: ${error instanceof Error ? error.message : String(error)}`;
  }
}
