/** Writes warnings and errors as JSON lines, as the proxy does; errors with their message. */
export function logToStderr(
  level: "debug" | "info" | "warn" | "error",
  message: string,
  fields: object,
): void {
  if (level !== "warn" && level !== "error") return;
  const plain = Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      value instanceof Error ? value.message : (value as unknown),
    ]),
  );
  const time = new Date().toISOString();
  process.stderr.write(`${JSON.stringify({ level, time, message: `isobar: ${message}`, ...plain })}\n`);
}
