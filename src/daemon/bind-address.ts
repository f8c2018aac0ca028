import { parseSocketAddress } from "../config/socket-address.ts";
import { systemErrorText } from "../config/system-error-text.ts";
import { ExitCode, ExitError } from "./exit-code.ts";

/** Binds an address of the configuration. @param path the key it stands at. @throws ExitError when it cannot be bound. */
export async function bindAddress(
  path: string,
  text: string,
  listen: (address: NonNullable<ReturnType<typeof parseSocketAddress>>) => Promise<number>,
): Promise<void> {
  try {
    await listen(parseSocketAddress(text)!);
  } catch (error) {
    throw bindError(path, text, systemErrorText(error), error);
  }
}

/** @returns what a person is told when an address cannot be bound. */
export function bindError(path: string, address: string, reason: string, cause?: unknown): ExitError {
  return new ExitError(
    ExitCode.bindFailed,
    `${path}: ${address} cannot be bound: ${reason}; free the address or choose another one`,
    { cause },
  );
}
