import { writeFile } from "node:fs/promises";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";

/** Writes the page that `--html` asks for. @throws ExitError where it cannot be written. */
export async function writePage(file: string, page: string): Promise<void> {
  try {
    await writeFile(file, page);
  } catch (error) {
    const { code = "an error" } = error as NodeJS.ErrnoException;
    throw new ExitError(ExitCode.usage, `--html ${file}: found ${code}, wanted a file that can be written`);
  }
}
