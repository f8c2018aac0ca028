/**
 * How the process ends, in the numbers of sysexits.h where there is one; docs/cli.md explains them to people. A second
 * SIGTERM or SIGINT ends it at once with 128 + the signal's number.
 */
export const ExitCode = {
  /** Done as asked; also a drain whose limit cut streams off. */
  ok: 0,
  /** What was asked for was done, and what came out is not what it should be: of a simulation, an audit, `doctor`, `off`. */
  unexpected: 1,
  /** EX_USAGE: the command line or the configuration is wrong. No port was bound. */
  usage: 64,
  /** EX_UNAVAILABLE: this Node is too old (said by cli/launch.mjs). */
  unsupportedNode: 69,
  /** EX_UNAVAILABLE: no proxy answers where one was to be asked. */
  unavailable: 69,
  /** EX_SOFTWARE: a fault of our own, such as data-plane threads that keep dying. */
  fault: 70,
  /** EX_OSERR: an address of the configuration could not be bound. */
  bindFailed: 71,
} as const;

/** One of {@link ExitCode}. */
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Ends the process with a message for people and nothing else; caught by the composition root. */
export class ExitError extends Error {
  override readonly name = "ExitError";
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
