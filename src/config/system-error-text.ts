/** @returns what an error of the operating system says to a person: its code and message, on one line. */
export function systemErrorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined || error.message.startsWith(code) ? error.message : `${code}: ${error.message}`;
}
