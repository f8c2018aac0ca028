import type { Server, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const RETRY_MS = 200;

/**
 * Sees to it that one capture of a network namespace owns the table: an abstract unix socket, which the kernel keeps by network namespace and
 * frees with its process. Who comes second stays connected to the first, so that each knows of the other without asking.
 */
export class CaptureLock {
  readonly #server: Server;
  readonly #waiting = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket: Socket) => this.#keep(socket));
  }

  /**
   * Waits until it is ours.
   *
   * @param onWait told once when another one has it, and knows that we wait.
   */
  static async acquire(table: string, signal: AbortSignal, onWait: () => void): Promise<CaptureLock> {
    const path = `\0isobar-capture/${table}`;
    let isTold = false;
    for (;;) {
      signal.throwIfAborted();
      const server = await listen(path);
      if (server !== undefined) return new CaptureLock(server);
      await untilGone(path, signal, () => {
        if (!isTold) onWait();
        isTold = true;
      });
    }
  }

  /** Whether another capture waits to go on with the table. */
  get hasSuccessor(): boolean {
    return this.#waiting.size > 0;
  }

  /** Lets the next one have it. */
  release(): void {
    this.#server.close();
    for (const socket of this.#waiting) socket.destroy();
  }

  #keep(socket: Socket): void {
    this.#waiting.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#waiting.delete(socket));
    socket.resume();
  }
}

function listen(path: string): Promise<Server | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Server | undefined>();
  const server = createServer();
  server.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EADDRINUSE") resolve(undefined);
    else reject(error);
  });
  server.listen(path, () => resolve(server));
  return promise;
}

async function untilGone(path: string, signal: AbortSignal, onConnected: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  const abort = (): void => {
    socket.destroy();
  };
  signal.addEventListener("abort", abort);
  let connected = false;
  socket.on("connect", () => {
    connected = true;
    onConnected();
  });
  socket.on("error", () => {});
  socket.on("close", () => resolve(connected));
  socket.resume();
  const stood = await promise;
  signal.removeEventListener("abort", abort);
  // A holder that takes no connections, because it is leaving or stopped.
  if (!stood) await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
}
