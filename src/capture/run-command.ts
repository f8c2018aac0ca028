import { spawn } from "node:child_process";
import { CommandFailure } from "./command-failure.ts";

/** A command that takes longer is ended: what it was to renew runs out by itself then, in milliseconds. */
const DEADLINE_MS = 2_000;
/** Octets of input for which it gets a millisecond more; 5,000 services take about a second. */
const OCTETS_PER_MS = 50;
const MOST_OUTPUT = 32 * 1024 * 1024;
/** Where tools of administrators are, beside what PATH says. */
const TOOL_FOLDERS = "/usr/sbin:/sbin:/usr/bin:/bin";

/**
 * Runs a command of the node's to its end.
 *
 * @returns what it printed.
 * @throws CommandFailure with its own words when it cannot be run, fails or takes too long.
 */
export function runCommand(command: string, args: readonly string[], input = ""): Promise<string> {
  const { PATH = "" } = process.env;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(command, args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { PATH: `${PATH}:${TOOL_FOLDERS}`, LC_ALL: "C" },
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS + input.length / OCTETS_PER_MS);
  const out: Buffer[] = [];
  let octets = 0;
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    octets += chunk.length;
    if (octets > MOST_OUTPUT) child.kill("SIGKILL");
    else out.push(chunk);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    if (said.length < 2_000) said += chunk.toString();
  });
  child.on("error", (error: NodeJS.ErrnoException) => {
    clearTimeout(timer);
    reject(new CommandFailure(`cannot run ${command}: ${error.message}`, error.code ?? ""));
  });
  child.on("close", (code, signal) => {
    clearTimeout(timer);
    if (code === 0) resolve(Buffer.concat(out).toString());
    else
      reject(
        new CommandFailure(
          `${[command, ...args].join(" ")}: ${said.trim() || `ended by ${signal ?? code}`}`,
          "",
        ),
      );
  });
  // It may end before it has read everything; its exit code tells.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  return promise;
}
