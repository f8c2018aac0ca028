import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Runs a program on one core to its end and returns its standard output, whatever its exit code. */
export async function runProgram(
  core: number,
  command: string,
  args: string[],
  seconds: number,
): Promise<string> {
  try {
    const pinned = ["-c", String(core), command, ...args];
    const { stdout } = await run("taskset", pinned, {
      timeout: Math.ceil((seconds + 30) * 1000),
      maxBuffer: 1 << 22,
    });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    if (stdout !== undefined && stdout !== "") {
      return stdout;
    }
    throw new Error(stderr === undefined || stderr === "" ? String(error) : stderr.trim().slice(-300));
  }
}
