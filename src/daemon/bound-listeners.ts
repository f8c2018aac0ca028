import { rmSync } from "node:fs";
import { parseSocketAddress } from "../config/socket-address.ts";
import type { ListeningMessage, WorkerListener } from "./worker-messages.ts";

/**
 * The listeners with the addresses they were bound to: a thread that has to open one again must not get another port from
 * the kernel where the configuration says 0.
 */
export class BoundListeners {
  readonly #listeners: readonly WorkerListener[];
  readonly #bound = new Map<string, string>();
  #unixBound = false;

  constructor(listeners: readonly WorkerListener[]) {
    this.#listeners = listeners;
  }

  add({ name, address, port }: ListeningMessage): void {
    if (port === 0) this.#bound.set(name, `unix:${address}`);
    else this.#bound.set(name, address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`);
  }

  /** Whether every listener was open once. */
  get isComplete(): boolean {
    return this.#bound.size === this.#listeners.length;
  }

  /** In the order of the configuration. */
  get all(): readonly WorkerListener[] {
    return this.#listeners.map((listener) => ({
      ...listener,
      address: this.#bound.get(listener.name) ?? listener.address,
    }));
  }

  /**
   * Binds the unix sockets for an acceptor.
   *
   * @param onFailed told what the system said of one that cannot be bound.
   * @returns by listener: its file descriptor, or -1 for TCP.
   */
  async bindUnix(onFailed: (name: string, error: string) => void): Promise<readonly number[]> {
    const paths = this.#unixPaths();
    if (paths.every((path) => path === undefined)) return paths.map(() => -1);
    const { bindUnixSocket } = await import("../net/unix-listener.ts");
    this.releaseUnix();
    this.#unixBound = true;
    return paths.map((path, listener) => {
      if (path === undefined) return -1;
      const { fd, error } = bindUnixSocket(path);
      if (error !== "") onFailed(this.#listeners[listener]!.name, error);
      return fd;
    });
  }

  /** Frees the paths of unix sockets that a former acceptor had; does nothing if there was none. */
  releaseUnix(): void {
    if (!this.#unixBound) return;
    for (const path of this.#unixPaths()) if (path !== undefined) rmSync(path, { force: true });
  }

  #unixPaths(): (string | undefined)[] {
    return this.#listeners.map(({ address }) => {
      const parsed = parseSocketAddress(address)!;
      return parsed.kind === "unix" ? parsed.path : undefined;
    });
  }
}
