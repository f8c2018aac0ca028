import { parseSocketAddress } from "../../config/socket-address.ts";
import { ExitCode, ExitError } from "../../daemon/exit-code.ts";
import { AdminClient } from "../explain/admin-client.ts";

/** An admin server, however it is reached. */
export interface AdminSource {
  /** For people: its node, or its address. */
  readonly name: string;
  /** @param path with its query. @returns the body of an answer 200. @throws ExitError */
  get(path: string): Promise<Buffer>;
  /**
   * Asks again and again.
   *
   * @param onAnswer told each answer that is JSON.
   * @param signal ends it.
   * @returns when it cannot be asked any more. @throws ExitError
   */
  follow(
    path: string,
    everyMs: number,
    onAnswer: (body: unknown) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

/** Where the admin server of this container, or of a proxy as it comes, is. */
export function usualAdminAddress(): string {
  const { ISOBAR_ADMIN_ADDRESS = "127.0.0.1:15000" } = process.env;
  return ISOBAR_ADMIN_ADDRESS;
}

/** @param text as people give it. @throws ExitError for what is no address. */
export function adminClient(text: string): AdminClient {
  const address = parseSocketAddress(text);
  if (address !== undefined) return new AdminClient(address, text);
  throw new ExitError(
    ExitCode.usage,
    `--admin: found "${text}", wanted an address "ip:port", "[ipv6]:port" or "unix:/path"`,
  );
}

/** An admin server that can be connected to from here. */
export class DirectAdmin implements AdminSource {
  readonly name: string;
  readonly #client: AdminClient;

  /** @throws ExitError for what is no address. */
  constructor(address: string) {
    this.name = address;
    this.#client = adminClient(address);
  }

  get(path: string): Promise<Buffer> {
    return this.#client.get(path);
  }

  async follow(
    path: string,
    everyMs: number,
    onAnswer: (body: unknown) => void,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      onAnswer(JSON.parse((await this.get(path)).toString("utf8")));
      await pause(everyMs, signal);
    }
  }
}

/** Waits, or until it is told not to. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const end = (): void => resolve();
  signal?.addEventListener("abort", end, { once: true });
  await promise;
  clearTimeout(timer);
  signal?.removeEventListener("abort", end);
}
