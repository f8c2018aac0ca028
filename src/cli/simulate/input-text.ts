import { readFile } from "node:fs/promises";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";

/** @param what it is, for the message: such as "the scenario". @returns a file's text. @throws ExitError when it cannot be read. */
export async function inputText(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code = "an error" } = error as NodeJS.ErrnoException;
    throw new ExitError(ExitCode.usage, `${file}: found ${code}, wanted ${what}, a file that can be read`);
  }
}
