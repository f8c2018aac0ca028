import { writeSync } from "node:fs";

/** How much a line matters. */
export type CaptureLogLevel = "info" | "warn" | "error";

/** Writes a line as the proxy's log has them. Without its package, which is 3 MB of memory that this process does not have. */
export function captureLog(
  level: CaptureLogLevel,
  message: string,
  fields: Readonly<Record<string, unknown>> = {},
): void {
  const line = JSON.stringify({ level, time: new Date().toISOString(), message, ...fields });
  try {
    writeSync(2, `${line}\n`);
  } catch {
    // Nobody reads it; the table matters more.
  }
}
