import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { ExitCode, ExitError } from "../daemon/exit-code.ts";
import { DemoFailure } from "../demo/demo-failure.ts";
import { SHORTEST_MS } from "../demo/demo-options.ts";
import { isobarProgram } from "../demo/isobar-child.ts";
import { runDemo } from "../demo/run-demo.ts";

interface DemoFlags {
  readonly duration?: number;
  readonly seed: number;
  readonly port: number;
}

/** Adds `isobar demo`: Isobar at work on real gRPC traffic, on one machine. */
export function addDemoCommand(program: Command): void {
  program
    .command("demo")
    .summary("show Isobar at work on real gRPC traffic, on this machine")
    .description(
      "Starts six gRPC backends in three zones and sends them the same load twice: pinned per connection, as a " +
        "ClusterIP does it, and through Isobar. Then one backend gets slow, one is killed and one is added. " +
        "Ctrl-C ends it with a summary.",
    )
    .option(
      "--duration <time>",
      "end by itself within this time: 20s, 2m (default: Ctrl-C ends it)",
      parseDuration,
    )
    .option(
      "--seed <number>",
      "decides where connections are pinned and when calls are made",
      wholeNumber(0, 2 ** 31 - 1),
      1,
    )
    .option(
      "--port <number>",
      "port of Isobar's listener; a free one if taken",
      wholeNumber(1, 65_535),
      15_001,
    )
    .action(demo);
}

async function demo(flags: DemoFlags): Promise<void> {
  const interrupt = new AbortController();
  // Not once: npm hands the Ctrl-C on that the terminal has already sent, and taking everything down is quick.
  const end = () => interrupt.abort();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
  const { stdout } = process;
  const { TERM, NO_COLOR = "" } = process.env;
  const live = stdout.isTTY === true && TERM !== "dumb" && stdout.columns >= 80;
  // A reader such as `head` that leaves early ends the demo; it is no reason for a stack trace.
  stdout.on("error", end);
  try {
    await runDemo({
      durationMs: flags.duration,
      seed: flags.seed,
      port: flags.port,
      interrupt: interrupt.signal,
      output: stdout,
      live,
      color: live && NO_COLOR === "",
      rows: () => stdout.rows,
      program: isobarProgram(),
    });
  } catch (error) {
    if (!(error instanceof DemoFailure)) throw error;
    throw new ExitError(ExitCode.fault, `isobar demo: ${error.message}`, { cause: error });
  }
}

function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(s|m)$/.exec(text);
  const ms = match === null ? Number.NaN : Number(match[1]) * (match[2] === "m" ? 60_000 : 1000);
  if (!(ms >= SHORTEST_MS && ms <= 24 * 3_600_000)) {
    throw new InvalidArgumentError(
      `Found "${text}", wanted ${SHORTEST_MS / 1000}s or more, such as 20s or 2m.`,
    );
  }
  return ms;
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) {
      throw new InvalidArgumentError(`Found "${text}", wanted a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}
