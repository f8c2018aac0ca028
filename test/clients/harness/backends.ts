import { Child } from "./child.ts";
import type { Language } from "./language.ts";

const READY_LIMIT_MS = 30_000;

/** Servers of one language, on free ports of their own. */
export class Backends {
  readonly addresses: readonly string[];
  readonly #servers: readonly Child[];

  private constructor(servers: readonly Child[], addresses: readonly string[]) {
    this.#servers = servers;
    this.addresses = addresses;
  }

  /** Starts as many servers as there are names and waits until each can be called. @param more further arguments. */
  static async start(
    language: Language,
    names: readonly string[],
    more: readonly string[] = [],
  ): Promise<Backends> {
    const servers = names.map(
      (name) => new Child(language.program, ["serve", "--port", "0", "--name", name, ...more]),
    );
    try {
      const addresses = await Promise.all(
        servers.map(async (server) => {
          const [, address] = await server.waitForOutput(/^ready (\S+)$/m, READY_LIMIT_MS);
          return address!;
        }),
      );
      return new Backends(servers, addresses);
    } catch (error) {
      await Promise.all(servers.map((server) => server.stop()));
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
  }
}
