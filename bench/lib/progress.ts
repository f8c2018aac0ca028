/** One line on standard error that says what is being measured; silent unless it is a terminal. */
export interface Progress {
  show(text: string): void;
  clear(): void;
}

/** Makes the progress line. */
export function createProgress(): Progress {
  const started = Date.now();
  const write = (text: string) => {
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\x1b[K${text}`);
    }
  };
  return {
    show: (text) => write(`[${Math.round((Date.now() - started) / 1000)} s] ${text}`),
    clear: () => write(""),
  };
}
