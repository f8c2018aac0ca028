import type { Config } from "../config/config.ts";
import { parseSocketAddress } from "../config/socket-address.ts";
import { systemErrorText } from "../config/system-error-text.ts";
import { CAPTURE_LISTENER } from "../proxy/callers/capture-listener.ts";
import { ExitCode, ExitError } from "./exit-code.ts";

/** Binds an address of the configuration. @param path the key it stands at. @throws ExitError when it cannot be bound. */
export async function bindAddress(
  path: string,
  text: string,
  listen: (address: NonNullable<ReturnType<typeof parseSocketAddress>>) => Promise<unknown>,
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

/** @returns what a person is told when a listener cannot be opened. @param name as the data plane knows it. */
export function listenError({ listeners }: Config, name: string, error: string): ExitError {
  if (name === CAPTURE_LISTENER) return bindError("capture", "a port of its own", error);
  const index = listeners.findIndex((listener) => listener.name === name);
  return bindError(`listeners[${index}].address`, listeners[index]?.address ?? "", error);
}
